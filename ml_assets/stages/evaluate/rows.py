"""The test rows: what was wanted, what the model and its baseline say.

Belongs here: reading the fold batch by batch and predicting it. Does not belong here: judging.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle


@dataclass(frozen=True)
class Rows:
    """Test rows in calendar order; `prediction` and `baseline` as `metrics` takes them."""

    target: Array
    prediction: Array
    baseline: Array
    time: NDArray[np.datetime64]
    slices: Mapping[str, pa.ChunkedArray]
    table: pa.Table


@dataclass(frozen=True)
class Fitted:
    """A model document and its family's module."""

    model: Mapping[str, Any]
    family: Any

    def predict(self, table: pa.Table) -> Array:
        """Return the predictions for a features table."""
        return predict(self.model, self.family, table)


def read(
    test: pa.Table,
    features: Mapping[str, Handle],
    chosen: Fitted,
    baseline: Fitted,
    slices: Sequence[str],
) -> Rows:
    """Return the test rows with predictions; one batch of features is in memory at a time."""
    inputs = {*chosen.model["columns"], *baseline.model["columns"]}
    names = {name: name if name in inputs else f"_slice_{name}" for name in slices}
    columns = [*sorted(inputs | set(names.values())), "_key", "_time", "_target"]
    parts, targets, predictions, baselines = [], [], [], []
    for batch, table in folds.read(test, features, columns):
        targets.append(folds.labels(table, chosen.model["classes"]))
        predictions.append(chosen.predict(table))
        baselines.append(aligned(baseline, table, chosen.model["classes"]))
        kept = table.select(["_key", "_time", "_target", *sorted(set(names.values()))])
        parts.append(kept.append_column("batch", pa.array([batch] * len(table), pa.string())))
    whole = pa.concat_tables(parts).unify_dictionaries()
    prediction, base = np.concatenate(predictions), np.concatenate(baselines)
    return Rows(
        np.concatenate(targets),
        prediction,
        base,
        np.asarray(whole["_time"].to_numpy(), dtype="datetime64[us]"),
        {name: whole[column] for name, column in names.items()},
        _table(whole, chosen.model, prediction, base),
    )


def aligned(baseline: Fitted, table: pa.Table, classes: Sequence[str]) -> Array:
    """Return the baseline's predictions with its class columns in the order of `classes`."""
    found = baseline.predict(table)
    own = baseline.model["classes"]
    if not classes or list(own) == list(classes):
        return found
    place = [own.index(name) if name in own else None for name in classes]
    zero = np.zeros(len(found))
    return np.column_stack([zero if at is None else found[:, at] for at in place])


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
