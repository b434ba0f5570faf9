"""Baseline: the mean of the training target.

Belongs here: the constant that is best by squared errors and for counts. Does not belong here:
groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.families import Mean
    from ml_assets.stages.train.folds import Context, Fold

BASELINE = True


def fit(settings: Mean, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the (weighted) mean of train."""
    return _mean(train)


def refit(settings: Mean, state: dict[str, Any], fold: Fold, context: Context) -> dict[str, Any]:
    """Return the (weighted) mean of the fold."""
    return _mean(fold)


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return the mean for every row, (n,)."""
    return np.full(batch.num_rows, state["value"])


def _mean(fold: Fold) -> dict[str, Any]:
    return {"value": float(np.average(fold.target, weights=fold.weight))}
