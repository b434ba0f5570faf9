"""The model families and their modules: ADD YOURS HERE, one line each.

This registry is in no stage's code closure: adding a family trains that family alone.
"""

from __future__ import annotations

from collections.abc import Mapping

FAMILIES: Mapping[str, str] = {
    "median": "ml_assets.stages.train.median",
    "mean": "ml_assets.stages.train.mean",
    "quantile": "ml_assets.stages.train.quantile",
    "group_median": "ml_assets.stages.train.group_median",
    "prior": "ml_assets.stages.train.prior",
    "linear": "ml_assets.stages.train.linear",
    "lightgbm": "ml_assets.stages.train.lightgbm",
    "lightgbm_tuned": "ml_assets.stages.train.lightgbm_tuned",
    "blend": "ml_assets.stages.train.blend",
    "catboost": "ml_assets.stages.train.catboost",
    "random_forest": "ml_assets.stages.train.random_forest",
    "extra_trees": "ml_assets.stages.train.extra_trees",
    "sklearn": "ml_assets.stages.train.sklearn",
    "hist_gradient_boosting": "ml_assets.stages.train.hist_gradient_boosting",
    "federated": "ml_assets.stages.train.federated",
}
