"""How often prediction intervals hold the truth: tables for `docs/explanation/intervals.md`.

    python -m benchmarks.intervals [--repeats 100] [--home FOLDER --model NAME]

Rows are drawn anew each time, from three origins whose noise has one, two and four times the same
spread. Small trees are fitted, calibrated and refitted by the stages that ship, and then asked for
an interval of 90 % for 2,000 new rows. With a home, the coverage of a model's current candidate is
printed as its report has it, by batch.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.spec.families import LightGBM
from ml_assets.spec.intervals import CalibrateSpec
from ml_assets.spec.model import CrossSpec, FeatureColumn, FitSpec
from ml_assets.stages.intervals.apply import apply, classes
from ml_assets.stages.intervals.calibrate import calibrate, errors, limits_of
from ml_assets.stages.memory import InMemory
from ml_assets.stages.train import folds, lightgbm
from ml_assets.stages.train.cross import cross_fit
from ml_assets.stages.train.fit import fit
from ml_assets.stages.train.predict import predict
from ml_assets.stages.train.refit import refit
from ml_assets.store.home import Home

SIZES = (60, 500, 5_000)
NEW = 2_000
ORIGINS = ("common", "some", "rare")
SHARES = (0.6, 0.3, 0.1)
NOISE = (1.0, 2.0, 4.0)
COLUMNS = {
    "origin": FeatureColumn(type="category"),
    **{name: FeatureColumn(type="number") for name in ("a", "b", "c")},
}
TREES = LightGBM(family="lightgbm", num_trees=60, num_leaves=7, min_data_in_leaf=5)
COVERAGE = 0.9
METHODS = ("validation", "cross_validation", "refitted")
"""How the limits are found; the last, by errors of the refitted model, is what is not done."""


@dataclass(frozen=True)
class Case:
    """A task, rows to learn from and calibrate on, and how."""

    task: Any
    rows: int
    method: str


def table(task: str, rows: int, draw: np.random.Generator) -> pa.Table:
    """Return rows with their features and target."""
    origin = draw.choice(len(ORIGINS), rows, p=SHARES)
    a, b, c = draw.normal(size=(3, rows))
    y = 3.0 * a + np.sin(3.0 * b) + a * c + draw.normal(size=rows) * np.array(NOISE)[origin]
    target: Any = y
    if task == "multiclass":
        target = np.array(["low", "middle", "high"])[np.digitize(y, [-1.5, 1.5])]
    elif task == "binary":
        target = (y > 1.0).astype(np.int8)
    return pa.table(
        {
            "_key": [str(number) for number in range(rows)],
            "_target": pa.array(target),
            "origin": pa.array(np.array(ORIGINS)[origin]).dictionary_encode(),
            "a": a,
            "b": b,
            "c": c,
        }
    )


def tried(case: Case, seed: int) -> dict[str, float]:
    """Return the share of new rows covered, of all and of each origin, and the mean size."""
    draw = np.random.default_rng(seed)
    known, new = table(case.task, case.rows, draw), table(case.task, NEW, draw)
    model, limits = learned(case, known)
    prediction = predict(model, lightgbm, new)
    target = folds.labels(new, model["classes"])
    slices = {"origin": new["origin"].to_pylist()}
    if case.task == "regression":
        low, high = apply(limits, prediction, slices)
        inside, size = (low <= target) & (target <= high), high - low
        inside |= np.isnan(low)
    else:
        sets = classes(limits, prediction, slices)
        inside, size = sets[np.arange(NEW), target.astype(int)], sets.sum(axis=1).astype(float)
    origin = np.array(slices["origin"])
    found = {name: float(inside[origin == name].mean()) for name in ORIGINS}
    mean = float("nan") if np.isnan(size).all() else float(np.nanmean(size))
    return {"all": float(inside.mean()), **found, "size": mean}


def learned(case: Case, known: pa.Table) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the refitted model, and the calibrated document."""
    cut = case.rows * 7 // 8
    given: dict[str, Any] = {
        "train": _rows(0, cut),
        "validation": _rows(cut, case.rows),
        "features": {"all": InMemory(known)},
    }
    spec: dict[str, Any] = {
        "task": case.task,
        "metric": "rmse" if case.task == "regression" else "log_loss",
        "family": TREES,
        "columns": COLUMNS,
        "threads": 1,
        "seed": 1,
    }
    held = None
    if case.method == "cross_validation":
        how = CrossSpec(**spec, folds=5, forward=False, grouped=False, salt="0")
        made: Any = cross_fit(how, family=lightgbm, **given).outputs
        held = {"trees": InMemory(made["held"])}
    else:
        made = fit(FitSpec(**spec), family=lightgbm, **given).outputs
    before = InMemory(made["model"])
    model: Any = refit(FitSpec(**spec), family=lightgbm, fitted=before, **given).outputs["model"]
    asked = CalibrateSpec(task=case.task, coverage=COVERAGE, by=("origin",))
    if case.method == "refitted":
        target = folds.labels(known, model["classes"])
        off = errors(case.task, target, predict(model, lightgbm, known))
        return model, limits_of(asked, off, [known["origin"].to_pylist()])
    found: Any = calibrate(asked, family=lightgbm, model=before, held=held, **given)
    return model, found.outputs["limits"]


def _rows(start: int, stop: int) -> InMemory:
    row = {"batch": ["all"], "features": ["d1:simulated"], "start": [start], "stop": [stop]}
    return InMemory(pa.table(row))


def simulated(repeats: int) -> None:
    """Print the simulated coverage as a table."""
    print(f"| rows | limits from | all | {' | '.join(ORIGINS)} | mean size |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for task in ("regression", "binary", "multiclass"):
        for rows in SIZES:
            for method in METHODS if task == "regression" else METHODS[:2]:
                case = Case(task, rows, method)
                found = [tried(case, seed) for seed in range(repeats)]
                cells = [_shown([one[name] for one in found]) for name in ("all", *ORIGINS)]
                size = np.array([one["size"] for one in found])
                said = f"{size.mean():.2f}" if np.isfinite(size).all() else "no interval"
                print(f"| {task} {rows:,} | {method} | {' | '.join(cells)} | {said} |", flush=True)


def _shown(shares: list[float]) -> str:
    """Return a mean with its 95 % interval, and how far single repeats spread."""
    values = np.array(shares)
    reach = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    low, high = np.quantile(values, [0.05, 0.95])
    return f"{values.mean():.1%} ± {reach:.1%} ({low:.0%} to {high:.0%})"


def measured(folder: Path, model: str) -> None:
    """Print the coverage of a model's current candidate by batch, as its report has it."""
    home = Home(folder, "dev")
    held = home.records.current("dev", f"{model}/evaluation_report", "")
    assert held is not None, f"{model} has no report"
    found = home.objects.json(held.outputs["coverage"].digest)
    print("| test rows | rows | covered | 95 % interval | by days | mean size |")
    print("| --- | --- | --- | --- | --- | --- |")
    for entry in [*found["batches"], *found["slices"], {**found["all"], "value": "all"}]:
        low, high = entry["exact"]
        days = "-" if entry["days"] is None else "{:.1%} to {:.1%}".format(*entry["days"])
        print(
            f"| {entry['value']} | {entry['rows']:,} | {entry['share']:.1%} | "
            f"{low:.1%} to {high:.1%} | {days} | {entry['size']:.1f} |"
        )


def main(argv: list[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--model", default="flight_delay")
    asked = parser.parse_args(argv)
    if asked.home is not None:
        measured(asked.home, asked.model)
    else:
        simulated(asked.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
