"""A project on disk whose home holds a candidate and its report, made by the real recipes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml_assets.assets.cells import Unit
from ml_assets.assets.edges import asset_keys
from ml_assets.engine.make import Maker
from ml_assets.engine.plan import Planner
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import Product
from ml_assets.workspace import Workspace
from ml_assets_tests.stages.flights import batch

MODEL = "delay"
TRIPS = """\
type: ml_assets.TabularDataset
attributes:
  description: Trips by day.
  calendar: day
  landing: {pattern: '(?P<batch>day\\d)[.]csv'}
  key: [trip]
  columns:
    trip: {type: text}
    delay: {type: number}
"""
DELAY = """\
type: ml_assets.TabularModel
attributes:
  description: Delay of a trip.
  dataset: trips
  task: TASK
  target: delay
  features:
    function: features.py:build
    columns:
      hour: {type: integer}
      wind: {type: number}
      carrier: {type: category}
      holiday: {type: boolean}
  split: {kind: time, test: 2, validation: 1}
  training:
    metric: METRIC
    threads: 1
    families: FAMILIES
  evaluation: {intervals: {resamples: 100}}
"""
TREES = (
    "{constant: {family: BASELINE}, "
    "trees: {family: lightgbm, num_trees: 12, min_data_in_leaf: 5, num_leaves: LEAVES}}"
)
OWN = "{constant: {family: BASELINE}, mine: {family: custom, module: 'own.py:wind'}}"
FAMILY = '''\
"""Three times the wind."""
import numpy as np
def fit(settings, train, validation, context):
    return {"slope": 3.0}
def refit(settings, state, fold, context):
    return state
def predict(state, batch):
    return state["slope"] * np.nan_to_num(batch["wind"].to_numpy())
'''


def make_world(
    root: Path, *, package: str = "acme", task: str = "regression", families: str = TREES
) -> Workspace:
    """Write a project with one dataset and one model, its features materialized on nine days."""
    defs = root / package / "defs"
    for name in ("trips", MODEL):
        (defs / name).mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{package}"\n'
    )
    (defs / "trips" / "defs.yaml").write_text(TRIPS)
    (defs / MODEL / "own.py").write_text(FAMILY)
    workspace = Workspace(defs, f"{package}.defs", root / "data", "dev")
    write_model(workspace, task=task, families=families)
    home = Home(workspace.home, workspace.env)
    products = []
    for number in range(9):
        day, table = f"day{number}", batch(number, 60, task)
        home.batches.land("trips", day, f"d1:{day}", f"{day}.csv")
        ref: Ref = home.objects.put(table)
        products.append(Product(f"{MODEL}/features", day, {"features": ref}, {}, (), {}))
    home.records.record(workspace.env, products, None)
    home.close()
    return workspace


def write_model(
    workspace: Workspace, *, task: str = "regression", families: str = TREES, leaves: int = 7
) -> None:
    """Write the model's defs.yaml."""
    metric, baseline = ("mae", "median") if task == "regression" else ("log_loss", "prior")
    text = DELAY.replace("FAMILIES", families).replace("LEAVES", str(leaves))
    text = text.replace("TASK", task).replace("METRIC", metric).replace("BASELINE", baseline)
    (workspace.defs / MODEL / "defs.yaml").write_text(text)


UNITS = ("splits", "candidate", "evaluation_report")


def materialize(workspace: Workspace, only: Sequence[str] = UNITS) -> None:
    """Make splits, candidate and report current."""
    home = Home(workspace.home, workspace.env)
    planner = Planner(workspace, home)
    selected = set(asset_keys(planner.project))
    for kind in only:
        for outcome in Maker(planner, "run-1").make([Unit(MODEL, kind)], selected):
            assert outcome.fault is None, outcome.trace
            assert outcome.waiting is None, outcome.waiting
    home.close()
