"""Baseline: the share of each class in training.

Belongs here: the constant that any classifier must beat. Does not belong here: features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.families import Prior
    from ml_assets.stages.train.folds import Context, Fold

BASELINE = True


def fit(settings: Prior, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the (weighted) share of each class of train."""
    return _shares(train, context)


def refit(settings: Prior, state: dict[str, Any], fold: Fold, context: Context) -> dict[str, Any]:
    """Return the (weighted) shares of the fold."""
    return _shares(fold, context)


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return the shares for every row: (n,) of class 1 for binary, (n, k) for multiclass."""
    shares = np.array(state["shares"], dtype=np.float64)
    if state["binary"]:
        return np.full(batch.num_rows, shares[1])
    return np.tile(shares, (batch.num_rows, 1))


def _shares(fold: Fold, context: Context) -> dict[str, Any]:
    binary = context.task == "binary"
    count = 2 if binary else len(context.classes)
    sums = np.bincount(fold.target.astype(np.int64), weights=fold.weight, minlength=count)
    return {"binary": binary, "shares": [float(share) for share in sums / sums.sum()]}
