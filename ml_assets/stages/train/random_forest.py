"""Random forest (Breiman, 2001): trees grown on resampled rows, averaged.

Belongs here: scikit-learn's classes of it. Does not belong here: growing (`forests`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.stages.train import tree_model
from ml_assets.stages.train.forests import grown

if TYPE_CHECKING:
    from ml_assets.spec.families import RandomForest
    from ml_assets.stages.train.folds import Context, Fold

predict = tree_model.predict


def fit(settings: RandomForest, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the trees grown on train."""
    return grown(_kinds(), settings, train, context)


def refit(
    settings: RandomForest, state: dict[str, Any], fold: Fold, context: Context
) -> dict[str, Any]:
    """Return the trees grown on the fold."""
    return grown(_kinds(), settings, fold, context)


def _kinds() -> tuple[Any, Any]:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    return RandomForestRegressor, RandomForestClassifier
