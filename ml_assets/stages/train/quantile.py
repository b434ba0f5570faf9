"""Baseline: a quantile of the training target.

Belongs here: the constant that is best by the pinball loss. Does not belong here: groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.stages.train import mean, objective

if TYPE_CHECKING:
    from ml_assets.spec.families import TargetQuantile
    from ml_assets.stages.train.folds import Context, Fold

BASELINE = True

predict = mean.predict


def fit(
    settings: TargetQuantile, train: Fold, validation: Fold, context: Context
) -> dict[str, Any]:
    """Return the (weighted) quantile of train."""
    return _quantile(settings, train, context)


def refit(
    settings: TargetQuantile, state: dict[str, Any], fold: Fold, context: Context
) -> dict[str, Any]:
    """Return the (weighted) quantile of the fold."""
    return _quantile(settings, fold, context)


def _quantile(settings: TargetQuantile, fold: Fold, context: Context) -> dict[str, Any]:
    """Return the smallest target that reaches the share of all weights."""
    share = objective.quantile(settings.alpha, context.metric)
    quantile = np.quantile(fold.target, share, weights=fold.weight, method="inverted_cdf")
    return {"value": float(quantile)}
