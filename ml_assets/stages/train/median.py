"""Baseline: the median of the training target.

Belongs here: the constant that any regression must beat. Does not belong here: groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.families import Median
    from ml_assets.stages.train.folds import Context, Fold

BASELINE = True


def weighted_median(values: Array, weight: Array | None) -> float:
    """Return the median; with weights the smallest value that reaches half of their sum.

    >>> weighted_median(np.array([1.0, 2.0, 10.0]), np.array([1.0, 1.0, 5.0]))
    10.0
    """
    if weight is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2.0)])


def fit(settings: Median, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the median of train."""
    return {"median": weighted_median(train.target, train.weight)}


def refit(settings: Median, state: dict[str, Any], fold: Fold, context: Context) -> dict[str, Any]:
    """Return the median of the fold."""
    return {"median": weighted_median(fold.target, fold.weight)}


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return the median for every row, (n,)."""
    return np.full(batch.num_rows, state["median"])
