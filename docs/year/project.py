"""The project of the year: the demo's flights, with a policy of training, a trial and alerts.

Belongs here: its files. Does not belong here: data.
"""

from __future__ import annotations

import shutil
from pathlib import Path

PACKAGE = "year"
SHARED = ("flights", "weather", "planes", "flight_delay")
SHIPPED = Path(__file__).parents[2] / "ml_assets" / "defs"
PYPROJECT = f"""\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "{PACKAGE}"
registry_modules = ["ml_assets"]
"""
DEFINITIONS = '''\
"""Entry point of the code location; no logic."""

import dagster as dg

from ml_assets.graph.build import definitions_here

defs: dg.Definitions = definitions_here()
'''
EDITS = (
    # The tuned family takes most of the time of a training.
    (
        """\
      lightgbm_tuned:
        family: lightgbm_tuned
        trials: 4
        start: *trees
        num_leaves: [63, 255]
        learning_rate: [0.1, 0.25]
""",
        "",
    ),
    (
        "  monitoring: {}\n",
        """\
  # The weather of another season is no news.
  monitoring:
    ignore: [temp, dewp, pressure, wind_dir, wind_speed, wind_gust, visib, precip, weekday]
    alerts: {webhook: env:ALERTS_URL, form: json}

  predictions: {challenger: true}

  retrain:
    when: {any: [{new_rows: 50000}, {loss: realized}]}
""",
    ),
    ("  gate:\n", "  gate:\n    mode: trial\n"),
)
"""What differs from the demo's model: text of its spec, and what stands there instead."""


def write_project(folder: Path) -> None:
    """Write the project into a folder; RuntimeError if the demo's spec is no longer as expected."""
    defs = folder / PACKAGE / "defs"
    defs.mkdir(parents=True)
    for name in SHARED:
        shutil.copytree(SHIPPED / name, defs / name, ignore=shutil.ignore_patterns("__pycache__"))
    for package in (defs, defs.parent):
        (package / "__init__.py").write_text("")
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (defs.parent / "definitions.py").write_text(DEFINITIONS)
    spec = defs / "flight_delay" / "defs.yaml"
    text = spec.read_text()
    for old, new in EDITS:
        if text.count(old) != 1:
            raise RuntimeError(f"{SHIPPED}/flight_delay/defs.yaml no longer has once:\n{old}")
        text = text.replace(old, new)
    spec.write_text(text)
