"""A tiny model on three flights, for the tests of features and their checks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa

from ml_assets.spec.model import FeaturesSpec


def spec(**changes: Any) -> FeaturesSpec:
    """Return the spec of a model with a number and a category."""
    return FeaturesSpec.model_validate(
        {
            "model": "delay",
            "dataset": "flights",
            "known": ("number", "carrier", "at", "dep"),
            "withheld": {"arr": "arrival", "arr_time": "arrival"},
            "predict_at": "departure",
            "joins": (),
            "previous": 0,
            "key": ("carrier", "number"),
            "time": "at",
            "target": "arr",
            "task": "regression",
            "weight": None,
            "slices": (),
            "columns": {"dep": {"type": "number"}, "carrier": {"type": "category"}},
        }
        | changes
    )


def flights() -> pa.Table:
    """Return three flights; the last has not arrived."""
    at = [dt.datetime(2013, 1, 1, hour) for hour in (5, 6, 7)]
    return pa.table(
        {
            "_line": [2, 3, 4],
            "number": [1, 2, 3],
            "carrier": pa.array(["UA", "A|A", None]).dictionary_encode(),
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "dep": [2.0, 4.0, None],
            "arr": [11.0, 20.0, None],
            "arr_time": [830, 850, None],
        }
    )


def build(flights: pd.DataFrame) -> pd.DataFrame:
    """Return the two features."""
    return flights[["carrier", "dep"]]
