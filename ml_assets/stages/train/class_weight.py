"""Weights of rows that make up for rare classes.

Belongs here: `class_weight` of every family. Does not belong here: the weights of the data.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ml_assets.stages.train.folds import Context, Fold


def balanced(fold: Fold, context: Context, class_weight: str | None) -> Fold:
    """Return the fold; with "balanced", its weights are such that every class weighs alike."""
    if class_weight is None or context.task == "regression":
        return fold
    weight = np.ones(len(fold.target)) if fold.weight is None else fold.weight
    number = fold.target.astype(np.int64)
    sums = np.bincount(number, weights=weight)
    found = sums > 0
    share = np.where(found, weight.sum() / (found.sum() * np.where(found, sums, 1.0)), 0.0)
    return replace(fold, weight=weight * share[number])
