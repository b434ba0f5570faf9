"""The test rows: targets, and the predictions of model and baselines.

Belongs here: reading the fold batch by batch and predicting it. Does not belong here: metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages.metrics import HALF
from ml_assets.stages.train import folds, threshold
from ml_assets.stages.train.classes import aligned as lined_up
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle


MOST_SAMPLED = 100_000


@dataclass(frozen=True)
class PredictedRows:
    """n test rows in calendar order; predictions, (n,) or (n, k), as `metrics` takes them.

    A row whose target is not finite is left out of all but `table`.
    """

    target: Array
    prediction: Array
    baselines: Mapping[str, Array]
    """Predictions by family; the best comes first."""
    time: NDArray[np.datetime64]
    slices: Mapping[str, pa.ChunkedArray]
    classes: Sequence[str]
    sampled: pa.Table
    """Features and slices of at most 100,000 evenly spaced rows."""
    place: NDArray[np.int64]
    """The numbers of those rows."""
    table: pa.Table
    left_out: int = 0
    at: float = HALF
    """The model's threshold, of two classes."""
    baselines_at: Mapping[str, float] = field(default_factory=dict)

    @property
    def baseline(self) -> Array:
        """The best baseline's predictions."""
        return next(iter(self.baselines.values()))


@dataclass(frozen=True)
class Fitted:
    """A model document and its family's module."""

    model: Mapping[str, Any]
    family: Any

    @property
    def at(self) -> float:
        """The model's threshold, of two classes."""
        return threshold.of(self.model)

    def predict(self, table: pa.Table) -> Array:
        """Return the predictions for a features table, in the shapes of `train/predict`."""
        return predict(self.model, self.family, table)


def read(
    test: pa.Table,
    features: Mapping[str, Handle],
    chosen: Fitted,
    baselines: Mapping[str, Fitted],
    slices: Sequence[str],
    hidden: Sequence[str] = (),
) -> PredictedRows:
    """Return the test rows with predictions; one batch of features is in memory at a time.

    Columns that are `hidden` are in no sample.
    """
    classes = chosen.model["classes"]
    inputs = {c for fitted in (chosen, *baselines.values()) for c in fitted.model["columns"]}
    names = {name: name if name in inputs else f"_slice_{name}" for name in slices}
    columns = [*sorted(inputs | set(names.values())), "_key", "_time", "_target"]
    shown = {name: name for name in sorted(inputs - set(hidden))} | names
    step = -(-_count(test) // MOST_SAMPLED) or 1
    parts, targets, samples, places, start = [], [], [], [], 0
    said: list[Array] = []
    others: dict[str, list[Array]] = {name: [] for name in baselines}
    for batch, table in folds.read(test, features, columns):
        targets.append(folds.labels(table, classes))
        said.append(chosen.predict(table))
        for name, fitted in baselines.items():
            others[name].append(aligned(fitted, table, classes))
        kept = table.select(["_key", "_time", "_target", *sorted(set(names.values()))])
        parts.append(kept.append_column("batch", pa.array([batch] * len(table), pa.string())))
        taken = np.flatnonzero((np.arange(len(table)) + start) % step == 0)
        places.append(taken + start)
        samples.append(_renamed(table, shown).take(pa.array(taken)))
        start += len(table)
    whole = pa.concat_tables(parts).unify_dictionaries()
    by_baseline = {name: np.concatenate(arrays) for name, arrays in others.items()}
    prediction, target = np.concatenate(said), np.concatenate(targets)
    table = _table(whole, chosen.model, prediction, next(iter(by_baseline.values())))
    sampled = pa.concat_tables(samples).unify_dictionaries()
    rows = PredictedRows(
        target,
        prediction,
        by_baseline,
        np.asarray(whole["_time"].to_numpy(), dtype="datetime64[us]"),
        {name: whole[column] for name, column in names.items()},
        classes,
        sampled,
        np.concatenate(places),
        table,
        at=chosen.at,
        baselines_at={name: fitted.at for name, fitted in baselines.items()},
    )
    return _finite(rows)


def _count(references: pa.Table) -> int:
    return int((references["stop"].to_numpy() - references["start"].to_numpy()).sum())


def _renamed(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    return pa.table({name: table[column] for name, column in names.items()})


def _finite(rows: PredictedRows) -> PredictedRows:
    """Return the rows whose target and prediction are finite."""
    good = np.isfinite(rows.target) & np.isfinite(
        rows.prediction.reshape(len(rows.target), -1)
    ).all(axis=1)
    if good.all():
        return rows
    mask = pa.array(good)
    at = good[rows.place]
    return replace(
        rows,
        target=rows.target[good],
        prediction=rows.prediction[good],
        baselines={name: array[good] for name, array in rows.baselines.items()},
        time=rows.time[good],
        slices={name: column.filter(mask) for name, column in rows.slices.items()},
        sampled=rows.sampled.filter(pa.array(at)),
        place=(np.cumsum(good) - 1)[rows.place[at]],
        left_out=int((~good).sum()),
    )


def aligned(baseline: Fitted, table: pa.Table, classes: Sequence[str]) -> Array:
    """Return the baseline's predictions with its class columns in the order of `classes`."""
    return lined_up(baseline.predict(table), baseline.model["classes"], classes)


def _table(
    whole: pa.Table, model: Mapping[str, Any], prediction: Array, baseline: Array
) -> pa.Table:
    """Return the predictions table; for multiclass the likeliest class and its probability."""
    columns = {name: whole[name] for name in ("_key", "_time", "batch")}
    columns["target"] = whole["_target"]
    if model["task"] != "multiclass":
        return pa.table({**columns, "prediction": prediction, "baseline": baseline})
    names = pa.array(model["classes"], pa.string())
    columns["prediction"] = names.take(pa.array(prediction.argmax(axis=1)))
    columns["probability"] = pa.array(prediction.max(axis=1))
    columns["baseline"] = names.take(pa.array(baseline.argmax(axis=1)))
    return pa.table(columns)
