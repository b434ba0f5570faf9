"""A small world for training tests: two features that matter, batches of one day each."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.spec.families import FamilySpec
from ml_assets.spec.model import FeatureColumn, FitSpec
from ml_assets.stages.result import Result
from ml_assets.stages.train.fit import fit
from ml_assets.stages.train.refit import refit
from ml_assets_tests.handles import Given, given

COLUMNS = {
    "hour": FeatureColumn(type="integer"),
    "wind": FeatureColumn(type="number", description="Wind at <departure> & gusts"),
    "carrier": FeatureColumn(type="category"),
    "holiday": FeatureColumn(type="boolean"),
}
METRIC = {"regression": "mae", "binary": "log_loss", "multiclass": "log_loss"}


def batch(number: int, rows: int, task: str, weighted: bool = False) -> pa.Table:
    """Return the features of one day."""
    draw = np.random.default_rng(number)
    hour, wind = draw.integers(0, 24, rows), draw.normal(10, 4, rows)
    carrier = draw.integers(0, 3, rows)
    y = 3.0 * wind + 5.0 * carrier + draw.normal(0, 2, rows)
    start = np.datetime64("2013-01-01", "us") + np.timedelta64(number, "D")
    time = start + hour.astype("timedelta64[h]")
    target = {
        "regression": pa.array(y),
        "binary": pa.array((y > 35).astype(np.int8)),
        "multiclass": pa.array(np.array(["early", "late", "on time"])[np.digitize(y, [28, 42])]),
    }[task]
    columns = {
        "_key": pa.array([f"{number}-{row}" for row in range(rows)]),
        "_time": pa.array(time, pa.timestamp("us", "UTC")),
        "_target": target,
        "_line": pa.array(np.arange(rows)),
        "hour": pa.array(hour),
        "wind": pa.array(wind, mask=draw.random(rows) < 0.05),
        "carrier": pa.array(np.array(["AA", "DL", "UA"])[carrier]).dictionary_encode(),
        "holiday": pa.array(draw.random(rows) < 0.1),
        "_slice_origin": pa.array(np.array(["EWR", "JFK"])[draw.integers(0, 2, rows)]),
    }
    if weighted:
        columns["_weight"] = pa.array(draw.uniform(0.5, 2.0, rows))
    return pa.table(columns)


def references(batches: Sequence[tuple[str, int, int]]) -> Given:
    """Return row references as the split makes them: (batch, start, stop)."""
    names, starts, stops = zip(*batches, strict=True)
    return given(
        pa.table(
            {
                "batch": pa.array(names, pa.string()),
                "features": pa.array([f"d1:{name}" for name in names], pa.string()),
                "start": pa.array(starts, pa.int64()),
                "stop": pa.array(stops, pa.int64()),
            }
        )
    )


@dataclass
class World:
    """Features by batch and three folds: six days to learn from, one, and two."""

    task: str = "regression"
    rows: int = 200
    weighted: bool = False
    days: int = 9
    columns: dict[str, FeatureColumn] = field(default_factory=lambda: dict(COLUMNS))
    features: dict[str, Given] = field(init=False)

    def __post_init__(self) -> None:
        tables = (batch(n, self.rows, self.task, self.weighted) for n in range(self.days))
        self.features = {f"day{n}": given(table, f"d1:{n}") for n, table in enumerate(tables)}

    def fold(self, name: str) -> Given:
        """Return the references of a fold."""
        days = list(self.features)
        kept = {"train": days[:-3], "validation": days[-3:-2], "test": days[-2:]}[name]
        return references([(day, 0, self.features[day].table().num_rows) for day in kept])

    def change(self, column: str, values: Any, days: Sequence[str] | None = None) -> None:
        """Replace a column on some days (all by default)."""
        for day in days or list(self.features):
            table = self.features[day].table()
            array = values(table) if callable(values) else values
            place = table.column_names.index(column)
            self.features[day] = given(table.set_column(place, column, array), day)

    def spec(self, family: FamilySpec, threads: int = 1, metric: str | None = None) -> FitSpec:
        """Return the spec of a fit."""
        chosen: Any = metric or METRIC[self.task]
        task: Any = self.task
        return FitSpec(
            task=task,
            metric=chosen,
            family=family,
            columns=self.columns,
            weighted=self.weighted,
            threads=threads,
            seed=1,
        )

    def fit(self, family: FamilySpec, own: Any = None, **settings: Any) -> Result:
        """Fit a family on train."""
        return fit(
            self.spec(family, **settings),
            family=own or module(family.family),
            train=self.fold("train"),
            validation=self.fold("validation"),
            features=self.features,
        )

    def refit(self, family: FamilySpec, fitted: Result, own: Any = None, **settings: Any) -> Result:
        """Refit what was fitted on train and validation."""
        return refit(
            self.spec(family, **settings),
            family=own or module(family.family),
            fitted=given(fitted.outputs["model"]),
            train=self.fold("train"),
            validation=self.fold("validation"),
            features=self.features,
        )


def module(kind: str) -> Any:
    """Return a family's module."""
    return importlib.import_module(f"ml_assets.stages.train.{kind}")
