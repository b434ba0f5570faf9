"""Make a small home of today's store format, as users' commands make it, and pack it.

    python -m ml_assets_tests.homes.make

writes `format-N.tar.xz` beside this file. It is made once for each format, by the last commit that
has it, and kept for good: tests open it with all later code. It holds the project `shop`, its home
in `data/`, and `golden.json`: what must never change. Neither family fits by BLAS, so the numbers
are those of every machine.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from ml_assets.store.home import Home
from ml_assets.store.state import FORMAT
from ml_assets.workspace import locate
from ml_assets_tests.processes import ROOT, run

FORGOTTEN = "customer-17"
"""A customer of the landed files: to be deleted from a copy."""
REGENERATED = ("__pycache__", "locks", "lock", "incoming")
STORES = ("north", "south", "west")
FILES = {
    "pyproject.toml": """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "shop"
registry_modules = ["ml_assets"]
""",
    "shop/__init__.py": "",
    "shop/definitions.py": '''\
"""Entry point of the code location; no logic."""

import dagster as dg

from ml_assets.graph.build import definitions_here

defs: dg.Definitions = definitions_here()
''',
    "shop/defs/__init__.py": "",
    "shop/defs/sales/defs.yaml": """\
type: ml_assets.TabularDataset

attributes:
  description: Sales of three stores
  calendar: month
  landing: {pattern: 'sales-(?P<batch>\\d{4}-\\d{2})\\.csv'}
  moments: [opening, closing]
  key: [sale]
  time: day
  columns:
    sale: {type: integer, nullable: false, known_at: opening}
    day: {type: date, nullable: false, known_at: opening}
    store: {type: category, allowed: [north, south, west], known_at: opening}
    customer: {type: category, sensitive: true, known_at: opening}
    promo: {type: boolean, known_at: opening}
    units: {type: number, range: [-100, 1000], known_at: closing}
  filters:
    - {id: returned, expression: units < 0, reason: A return is no sale.}
  quarantine_budget: 0.1
""",
    "shop/defs/stores/defs.yaml": """\
type: ml_assets.TabularDataset

attributes:
  description: The stores, one file that is replaced whole
  landing: {pattern: 'stores\\.csv'}
  key: [store]
  columns:
    store: {type: category, nullable: false}
    size: {type: number, nullable: false, range: [0, null]}
""",
    "shop/defs/demand/defs.yaml": """\
type: ml_assets.TabularModel

attributes:
  description: Units sold, known at opening
  dataset: sales
  joins: [{dataset: stores}]
  task: regression
  target: units
  predict_at: opening
  features:
    function: features.py:build
    columns:
      store: {type: category, sources: [sales.store]}
      promo: {type: boolean, sources: [sales.promo]}
      size: {type: number, sources: [stores.size]}
  split: {kind: time, test: 1, validation: 1}
  training:
    metric: mae
    families:
      median: {family: median}
      lightgbm: {family: lightgbm, num_trees: 20, num_leaves: 4, min_data_in_leaf: 3}
  evaluation:
    slices: [store]
    intervals: {resamples: 100}
  gate: {min_rows: 20, not_worse: {margin: 20%, resamples: 100}, slices: null, parity: {rows: 6}}
""",
    "shop/defs/demand/features.py": '''\
"""Model inputs of a sale."""


def build(sales, stores):
    """Return one row for each sale, with the same index."""
    sizes = dict(zip(stores["store"].astype(str), stores["size"], strict=True))
    found = sales[["store", "promo"]].copy()
    found["size"] = sales["store"].astype(str).map(sizes).astype(float)
    return found
''',
}


def sales(month: int, *, wrong: int | None = None) -> str:
    """Return a month of 30 sales; each tenth is a return, `wrong` is a row without a number."""
    lines = ["sale,day,store,customer,promo,units"]
    for row in range(30):
        store, promo = row % 3, row % 4 == 0
        units = -1 if row % 10 == 9 else 20 + 9 * promo + 8 * store + (row + month) % 3
        said = "many" if row == wrong else str(units)
        day = f"2024-{month:02}-{1 + row % 28:02}"
        who = f"customer-{row % 29}"
        lines.append(
            f"{month * 1000 + row},{day},{STORES[store]},{who},{str(promo).lower()},{said}"
        )
    return "\n".join(lines) + "\n"


def make(root: Path) -> None:
    """Make project and home: two champions, the second one left and come back to."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    _land(root, "stores", "stores.csv", "store,size\nnorth,100\nsouth,200\nwest,300\n")
    for month in (1, 2, 3):
        _land(root, "sales", f"sales-2024-{month:02}.csv", sales(month, wrong=4))
    _command(root, "run")
    _land(root, "sales", "sales-2024-03.csv", sales(3))
    _land(root, "sales", "sales-2024-04.csv", sales(4))
    _command(root, "run")
    _command(root, "rollback", "demand", "--reason", "complaints")
    _command(root, "promote", "demand", "v1", "--reason", "the complaints were of something else")
    _command(root, "release", "demand", "--out", str(root / "releases"))


def golden(root: Path) -> dict[str, Any]:
    """Return what later code must find: versions, the log, predictions of MLflow's models."""
    workspace = locate(root, {})
    home = Home(workspace.home, "dev")
    try:
        places = [(a, p) for a in home.records.assets() for p in home.records.partitions(a)]
        return {
            "versions": {
                f"{asset}@{partition}" if partition else asset: [
                    version.digest for version in home.records.versions(asset, partition)
                ]
                for asset, partition in places
            },
            "log": [[e.version, e.action] for e in home.promotions.entries("dev", "demand")],
            "predictions": _predictions(home),
        }
    finally:
        home.close()


ROWS = {"store": ["north", "south", "west"], "promo": [True, False, None], "size": [1e2, 2e2, None]}
SERVE = """
import json, sys, warnings
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
rows = pd.DataFrame(json.loads(sys.argv[2])).astype(
    {"store": "str", "promo": "boolean", "size": "float64"}
)
print(json.dumps({
    uri: mlflow.pyfunc.load_model("models:/" + uri).predict(rows).tolist() for uri in sys.argv[3:]
}))
"""
SERVED = ("demand-dev@champion", "demand-dev/1", "demand-dev/2")


def _predictions(home: Home) -> dict[str, list[float]]:
    uri = f"sqlite:///{home.folder / 'mlflow' / 'mlflow.db'}"
    found: dict[str, list[float]] = json.loads(run(SERVE, uri, json.dumps(ROWS), *SERVED))
    return found


def _land(root: Path, dataset: str, name: str, text: str) -> None:
    path = root / "incoming" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    _command(root, "land", dataset, str(path))


def _command(root: Path, *words: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "ML_ASSETS"))}
    environ = {**kept, "PYTHONPATH": str(ROOT), "ML_ASSETS_ACTOR": "maker"}
    command = [sys.executable, "-m", "ml_assets.cli.main", *words]
    subprocess.run(command, cwd=root, env=environ, check=True)


def pack(root: Path, target: Path) -> None:
    """Pack a folder, without what is made again and without whose it was."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if {*Path(member.name).parts} & {*REGENERATED} or member.name.endswith((".lock", ".tmp")):
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(target, "w:xz", preset=9 | lzma.PRESET_EXTREME) as archive:
        archive.add(root, ".", filter=plain)


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp(prefix="home-"))
    try:
        make(folder / "project")
        told = json.dumps(golden(folder / "project"), indent=1)
        (folder / "project" / "golden.json").write_text(told + "\n")
        pack(folder / "project", Path(__file__).with_name(f"format-{FORMAT}.tar.xz"))
    finally:
        shutil.rmtree(folder)
