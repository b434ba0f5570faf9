"""The project of the year: the demo's flights, with a policy of training, a trial and alerts.

Belongs here: its files. Does not belong here: data.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ml_assets.scaffold.project import DEFINITIONS, DG

PACKAGE = "year"
SHARED = ("flights", "weather", "planes", "flight_delay")
SHIPPED = Path(__file__).parents[2] / "ml_assets" / "defs"
FAMILIES = ("median", "carrier_median", "lightgbm")
"""The families of the demo's model that take part: a training takes seconds."""
OBSERVED = "temp dewp pressure wind_dir wind_speed wind_gust visib precip"
# The weather of another season, its timetable and its planes are no news.
IGNORED = [*OBSERVED.split(), "temp_change", "pressure_change", "weekday", "dest", "plane_model"]


def write_project(folder: Path, every: int = 1, apart: int = 2) -> None:
    """Write the project into a folder, for files with only each so many flights.

    Trainings are so many months apart at least.
    """
    defs = folder / PACKAGE / "defs"
    defs.mkdir(parents=True)
    for name in SHARED:
        shutil.copytree(SHIPPED / name, defs / name, ignore=shutil.ignore_patterns("__pycache__"))
    for package in (defs, defs.parent):
        (package / "__init__.py").write_text("")
    (folder / "pyproject.toml").write_text(DG.format(package=PACKAGE))
    (defs.parent / "definitions.py").write_text(DEFINITIONS)
    yaml, spec = YAML(), defs / "flight_delay" / "defs.yaml"
    document = yaml.load(spec.read_text())
    _edit(document["attributes"], every, apart)
    yaml.dump(document, spec)


def _edit(model: dict[str, Any], every: int, apart: int) -> None:
    """Change the demo's model into that of the year."""
    model.pop("federated", None)
    families = model["training"]["families"]
    for name in [name for name in families if name not in FAMILIES]:
        del families[name]
    model["monitoring"] = {
        "ignore": IGNORED,
        "smallest": {"numeric": 0.2},
        "alerts": {"webhook": "env:ALERTS_URL", "form": "json"},
    }
    model["predictions"] = {"challenger": True}
    enough = {"any": [{"new_rows": 20_000 // every}, "drift"]}
    model["retrain"] = {"when": enough, "at_most": f"1 per {apart} months"}
    # A year has few days to compare on; the trial after it is what decides.
    model["gate"] |= {
        "mode": "trial",
        "not_worse": {"margin": "5%", "block": "day"},
        "min_rows": model["gate"]["min_rows"] // every,
    }
