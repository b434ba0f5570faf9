"""A world for tests of the gate: two deliveries, the second of which contains the first.

A model remembers its training rows and predicts the target of the nearest one, so that rows that
it has seen look perfect. Everything is computed by hand-sized arithmetic, nothing is drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.spec.gate import DecideSpec
from ml_assets.stages.gate.decide import decide
from ml_assets.stages.result import Result
from ml_assets.stages.split.hash import split
from ml_assets.stages.train import folds
from ml_assets_tests.handles import Given, given
from ml_assets_tests.stages.feature_batches import rule

FIRST, SECOND = 500, 1000
"""Listings in the first delivery, and in the second, which holds those of the first too."""
ME = sys.modules[__name__]
"""This module is the family: it has `predict`."""
PARITY = {
    "format": 1,
    "rows": 100,
    "bytes": 1000,
    "latency": None,
    "checks": [{"name": "fresh", "passed": True, "differing": 0, "largest": 0.0, "text": "same"}],
}
METRICS = {
    "test": {"mae": 5.0},
    "baseline": {"mae": 25.0},
    "difference": {"mae": {"value": -20.0, "low": -21.0, "high": -19.0}},
}


def predict(state: Mapping[str, Any], batch: pa.Table) -> Any:
    """Return the remembered target of the nearest row, plus what the model is off by."""
    place, known = np.array(state["x"]), np.array(state["y"])
    wanted = batch["x"].to_numpy()
    order = np.argsort(place, kind="stable")
    at = np.clip(np.searchsorted(place[order], wanted), 1, len(place) - 1)
    left, right = order[at - 1], order[at]
    nearest = np.where(wanted - place[left] <= place[right] - wanted, left, right)
    return known[nearest] + state["off"]


def listings(name: str, start: int, stop: int, **columns: Any) -> Given:
    """Return a delivery: 8 times where it lies, give or take 5, is what a listing costs."""
    number = np.arange(start, stop)
    x = number * 0.6180339887 % 1.0 * 100.0
    days = np.datetime64("2024-01-01", "us") + (number % 28).astype("timedelta64[D]")
    table = {
        "_key": pa.array([str(n) for n in number]),
        "_time": pa.array(days, pa.timestamp("us", "UTC")),
        "_target": pa.array(8.0 * x + number * 37 % 11 - 5.0),
        "x": pa.array(x),
        "_slice_city": pa.array(np.array(["east", "west"])[number // 7 % 2]).dictionary_encode(),
    }
    return given(pa.table({**table, **columns}), f"d1:{name}")


FEATURES = {"2024-01": listings("first", 0, FIRST)}
LATER = {**FEATURES, "2024-02": listings("second", 0, SECOND)}


def divided(features: Mapping[str, Given], salt: str) -> dict[str, Given]:
    """Return the folds of a hash split."""
    made = split(rule(kind="hash", test=0.3, validation=0.1, salt=salt), features=features)
    return {fold: given(made.outputs[fold]) for fold in ("train", "validation", "test")}


def model(features: Mapping[str, Given], parts: Mapping[str, Given], off: float = 0.0) -> Given:
    """Return the document of a model of train and validation; it errs by `off` besides."""
    tables = [parts["train"].table(), parts["validation"].table()]
    rows = [t for part in tables for _, t in folds.read(part, features, ["x", "_target"])]
    whole = pa.concat_tables(rows)
    document = {
        "format": 1,
        "family": "nearest",
        "source": None,
        "task": "regression",
        "columns": {"x": "number"},
        "categories": {},
        "classes": [],
        "state": {"x": whole["x"].to_pylist(), "y": whole["_target"].to_pylist(), "off": off},
    }
    return given(document, f"d1:model-{len(whole)}-{off}")


def spec(**changes: Any) -> DecideSpec:
    """Return what the gate is told; `gate` and `data` as in YAML."""
    return DecideSpec.model_validate(
        {
            "model": "price",
            "task": "regression",
            "metric": "mae",
            "target": "price",
            "target_unit": "EUR",
            "key": ("listing",),
            "slices": ("city",),
            "gate": {},
        }
        | changes
    )


OLD = divided(FEATURES, "0")
NEW = divided(LATER, "1")
"""The second delivery came with another salt: rows moved between the folds."""
CHAMPION = model(FEATURES, OLD)
CANDIDATE = model(LATER, NEW)


def decided(told: DecideSpec | None = None, **changes: Any) -> Result:
    """Return the decision on the candidate of both deliveries against the first's champion."""
    inputs = {
        "family": ME,
        "model": CANDIDATE,
        **NEW,
        "features": LATER,
        "metrics": given(METRICS),
        "parity": given(PARITY),
        "champion_family": ME,
        "champion": CHAMPION,
        "champion_train": OLD["train"],
        "champion_validation": OLD["validation"],
        "champion_features": FEATURES,
    }
    return decide(told or spec(), **(inputs | changes))


def decision(told: DecideSpec | None = None, **changes: Any) -> dict[str, Any]:
    """Return the decision document."""
    found: Any = decided(told, **changes).outputs["decision"]
    return found


def line(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a rule's line of a decision."""
    (match,) = [entry for entry in found["rules"] if entry["rule"] == name]
    return dict(match)
