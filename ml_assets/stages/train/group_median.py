"""Baseline: the median of the training target by the value of one feature.

Belongs here: the lookup that a useful model must beat. Does not belong here: several features
at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.train.encode import Array, values
from ml_assets.stages.train.median import weighted_median

if TYPE_CHECKING:
    from ml_assets.spec.families import GroupMedian
    from ml_assets.stages.train.folds import Context, Fold

BASELINE = True


def fit(settings: GroupMedian, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the median of each group of train, and the overall one for unknown groups."""
    return _medians(settings.by, train)


def refit(
    settings: GroupMedian, state: dict[str, Any], fold: Fold, context: Context
) -> dict[str, Any]:
    """Return the medians of the fold."""
    return _medians(settings.by, fold)


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return each row's group median (n,); the overall one for missing and unknown groups."""
    if not state["groups"]:
        return np.full(batch.num_rows, state["overall"])
    keys, medians = np.array(state["groups"], dtype=np.float64).T
    wanted = values(batch, state["by"])
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    prediction: Array = np.where(keys[place] == wanted, medians[place], state["overall"])
    return prediction


def _medians(by: str, fold: Fold) -> dict[str, Any]:
    key = np.concatenate([values(batch, by) for batch in fold.batches([by])])
    order = np.argsort(key, kind="stable")
    order = order[: len(key) - int(np.isnan(key).sum())]  # NaN sorts last
    starts = np.flatnonzero(np.diff(key[order], prepend=np.nan) != 0)
    groups = []
    for rows in np.split(order, starts[1:]) if len(order) else []:
        weight = None if fold.weight is None else fold.weight[rows]
        if weight is None or weight.any():
            groups.append([float(key[rows[0]]), weighted_median(fold.target[rows], weight)])
    overall = weighted_median(fold.target, fold.weight)
    return {"by": by, "overall": overall, "groups": groups}
