"""A blend: the weighted mean of other families' predictions.

Belongs here: refitting the members, their mean. Does not belong here: choosing the weights
(`blending`), which needs predictions of rows that the members did not learn from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.train import (
    catboost,
    extra_trees,
    hist_gradient_boosting,
    lightgbm,
    lightgbm_tuned,
    linear,
    random_forest,
)
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.families import Blended
    from ml_assets.stages.train.folds import Context, Fold

MEMBERS: dict[str, Any] = {
    "lightgbm": lightgbm,
    "lightgbm_tuned": lightgbm_tuned,
    "linear": linear,
    "catboost": catboost,
    "random_forest": random_forest,
    "extra_trees": extra_trees,
    "hist_gradient_boosting": hist_gradient_boosting,
}
"""The families that a blend may have, by name."""


def refit(settings: Blended, state: dict[str, Any], fold: Fold, context: Context) -> dict[str, Any]:
    """Return the members, each refitted with what it had found, and their weights as they were."""
    members = []
    for member in state["members"]:
        own = settings.members[member["name"]]
        refitted = MEMBERS[own.family].refit(own, member["state"], fold, context)
        refitted.pop("report", None)
        if "settings" in member["state"]:
            refitted.setdefault("settings", member["state"]["settings"])
        members.append({**member, "state": refitted})
    return {"members": members}


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return the mean of the members' values (n,), or probabilities (n,) or (n, k)."""
    total: Any = 0.0
    for member in state["members"]:
        prediction = MEMBERS[member["family"]].predict(member["state"], batch)
        total = total + member["weight"] * prediction
    return np.asarray(total, dtype=np.float64)
