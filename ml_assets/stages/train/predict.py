"""Predictions from a model document, its family's module and features.

Belongs here: the only way from features to predictions, for a row and for a batch. Does not
belong here: fitting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import HookError
from ml_assets.stages.train import prepare
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.own import Own

if TYPE_CHECKING:
    from ml_assets.stages.train.folds import Fold


def predict(model: Mapping[str, Any], family: Any, features: pa.Table) -> Array:
    """Return (n,) values or probabilities of class 1, or (n, k) class probabilities.

    `features` holds at least the model's columns, unencoded; `family` is the module that made
    the model. Row i of the result depends on row i alone. HookError if a custom family breaks its
    contract.
    """
    return predict_encoded(model, family, prepare.encoded(model, features))


def predict_fold(model: Mapping[str, Any], family: Any, fold: Fold) -> Array:
    """Like `predict`, for the rows of a fold; raises HookError likewise."""
    return np.concatenate([predict_encoded(model, family, batch) for batch in fold.batches()])


def predict_encoded(model: Mapping[str, Any], family: Any, batch: pa.Table) -> Array:
    """Like `predict`, for features that are already encoded; raises HookError likewise."""
    width = len(model["classes"])
    shape = (batch.num_rows, width) if model["task"] == "multiclass" else (batch.num_rows,)
    if batch.num_rows == 0:
        return np.empty(shape)
    if "constant" in model["state"]:
        return np.full(shape, model["state"]["constant"], dtype=np.float64)
    if model["source"]:
        family = Own(family, model["source"])
    prediction = np.asarray(family.predict(model["state"], batch), dtype=np.float64)
    if prediction.shape != shape:
        name = model["source"] or model["family"]
        raise HookError(f"{name}: predict returned shape {prediction.shape}, wanted {shape}")
    return prediction
