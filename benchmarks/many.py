"""Many models, datasets and batches: what a plan, a look for changes and loading cost.

    python -m benchmarks.many [--models 20 100 200] [--datasets 20] [--days 250] [--landed 50]

Each dataset has a batch of five rows for each of so many days, of which the last land on one day,
and each model its own features of one dataset. `look` is what a tick of the sensor does where
nothing changed, the best of five. Nothing is run: every cell is still to do, which is the most that
a plan has to look at. Seconds are of the processor, which say the same on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from benchmarks.scale import Cost, costed
from ml_assets.scaffold.project import DEFINITIONS, DG

DATASET = """\
type: ml_assets.TabularDataset

attributes:
  description: Sales of shop {number}.
  calendar: day
  landing: {{pattern: '(?P<batch>\\d{{4}}-\\d{{2}}-\\d{{2}})\\.csv'}}
  moments: [opening, closing]
  key: [sale]
  time: day
  columns:
    sale: {{type: integer, nullable: false, known_at: opening}}
    day: {{type: date, nullable: false, known_at: opening}}
    promo: {{type: boolean, known_at: opening}}
    units: {{type: number, known_at: closing}}
"""
MODEL = """\
type: ml_assets.TabularModel

attributes:
  description: Units sold.
  dataset: shop_{dataset}
  task: regression
  target: units
  predict_at: opening
  features:
    function: features.py:build
    columns: {{promo: {{type: boolean}}}}
  split: {{kind: time, test: 2, validation: 1}}
  training:
    metric: mae
    families: {{median: {{family: median}}, linear: {{family: linear}}}}
"""
FEATURES = '''\
"""Features of a sale."""


def build(shop_{dataset}):
    """Return one row for each sale."""
    return shop_{dataset}[["promo"]]
'''
LOOK = """
import json, time
from ml_assets.engine.fingerprint import fingerprint
from ml_assets.workspace import locate
workspace = locate()
home = workspace.open_home()
took = []
for _ in range(5):
    began = time.process_time()
    fingerprint(workspace, home)
    took.append(time.process_time() - began)
print(json.dumps(min(took)))
"""


def write(root: Path, datasets: int, models: int) -> None:
    """Write a project."""
    defs = root / "many" / "defs"
    defs.mkdir(parents=True)
    (root / "pyproject.toml").write_text(DG.format(package="many"))
    for folder in (root / "many", defs):
        (folder / "__init__.py").touch()
    (root / "many" / "definitions.py").write_text(DEFINITIONS)
    for number in range(datasets):
        folder = defs / f"shop_{number}"
        folder.mkdir()
        (folder / "defs.yaml").write_text(DATASET.format(number=number))
    for number in range(models):
        folder = defs / f"model_{number}"
        folder.mkdir()
        (folder / "defs.yaml").write_text(MODEL.format(dataset=number % datasets))
        (folder / "features.py").write_text(FEATURES.format(dataset=number % datasets))


def land(root: Path, datasets: int, first: int, last: int) -> None:
    """Write a file for each dataset and day."""
    for number in range(datasets):
        folder = root / "data" / "landing" / f"shop_{number}"
        folder.mkdir(parents=True, exist_ok=True)
        for offset in range(first, last):
            day = date(2020, 1, 1) + timedelta(offset)
            rows = [f"{5 * offset + n},{day},{'yes' if n % 2 else 'no'},{n}" for n in range(5)]
            (folder / f"{day}.csv").write_text("\n".join(["sale,day,promo,units", *rows, ""]))
    time.sleep(5)  # a file must lie still for some seconds before it is taken


def measure(root: Path, models: int, options: argparse.Namespace) -> list[str]:
    """Return the cells of a row of the table."""
    write(root, options.datasets, models)

    def python(*words: str) -> tuple[bytes, Cost]:
        return costed(list(words), root, {"ML_ASSETS_HOME": str(root / "data")})

    land(root, options.datasets, 0, options.days - options.landed)
    _, before = python("-m", "ml_assets", "plan", "--json")
    land(root, options.datasets, options.days - options.landed, options.days)
    said, after = python("-m", "ml_assets", "plan", "--json")
    plan = json.loads(said)
    cells = len(plan["run"]) + len(plan["maybe"])
    look, _ = python("-c", LOOK)
    dg = str(Path(sys.executable).with_name("dg"))
    _, listed = python(dg, "list", "defs", "--json")
    return [
        str(models),
        f"{cells:,}",
        *(f"{cost.cpu:.1f}" for cost in (before, after)),
        f"{after.memory:.0f}",
        f"{json.loads(look):.2f}",
        f"{listed.cpu:.1f}",
        f"{listed.memory:.0f}",
    ]


def main() -> None:
    """Print a row for each number of models."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", type=int, nargs="+", default=[20, 100, 200])
    parser.add_argument("--datasets", type=int, default=20)
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--landed", type=int, default=50)
    options = parser.parse_args()
    head = ["models", "cells to do", "plan before, CPU s", "plan, CPU s", "MB", "look, CPU s"]
    head += ["`dg list defs`, CPU s", "MB"]
    sys.stdout.write(f"| {' | '.join(head)} |\n|{' ---: |' * len(head)}\n")
    for models in options.models:
        with tempfile.TemporaryDirectory() as folder:
            row = measure(Path(folder), models, options)
        sys.stdout.write(f"| {' | '.join(row)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
