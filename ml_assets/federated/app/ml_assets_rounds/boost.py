"""Growing trees at a site on top of the model of all sites, by XGBoost.

Belongs here: gradients that no single row dominates, leaves of enough rows. Does not belong here:
what of a tree leaves (`payload`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from .agreement import ROBUST
from .payload import Tree, stripped
from .rows import widths

Array = NDArray[np.float64]


def margins(model: bytes, bins: Any) -> Array:
    """Return what a model of all sites says of rows, as scores (n,)."""
    loaded = xgboost.Booster(model_file=bytearray(model))
    return np.asarray(loaded.predict(xgboost.DMatrix(bins), output_margin=True), dtype=np.float64)


def grown(
    plan: Mapping[str, Any],
    bins: Any,
    target: Array,
    scores: Array,
    *,
    least: int,
    seed: int,
    threads: int,
) -> list[Tree]:
    """Return new trees of a site's rows, as what may leave.

    Each leaf holds at least `least` rows: a row's hessian is at most 1.
    """
    data = xgboost.DMatrix(bins, label=target, base_margin=scores)
    parameters = {
        "tree_method": "hist",
        "max_bin": 512,
        "grow_policy": "lossguide",
        "max_leaves": plan["num_leaves"],
        "max_depth": 0,
        "learning_rate": plan["learning_rate"],
        "reg_lambda": plan["lambda_l2"],
        "min_child_weight": least,
        "max_delta_step": plan["bound"],
        "colsample_bynode": 0.5,
        "base_score": 0.0,
        "disable_default_eval_metric": 1,
        "seed": seed,
        "nthread": threads,
    }
    new = xgboost.train(parameters, data, plan["trees"], obj=_objective(plan))
    return stripped(json.loads(bytes(new.save_raw("json"))), widths(plan))


def _objective(plan: Mapping[str, Any]) -> Any:
    """Return gradient and hessian of each row, both bounded.

    A row pulls at most `pull` towards its target (Huber's loss), wherever that lies.
    """
    low, high, pull = plan["low"], plan["high"], plan["pull"]
    absolute = plan["metric"] in ROBUST

    def regression(scores: Array, data: Any) -> tuple[Array, Array]:
        off = scores - np.clip(data.get_label(), low, high)
        return (np.clip(off, -pull, pull) if absolute else off), np.ones(len(off))

    def binary(scores: Array, data: Any) -> tuple[Array, Array]:
        share = 1 / (1 + np.exp(-scores))
        return share - data.get_label(), np.maximum(share * (1 - share), 1e-6)

    return regression if plan["task"] == "regression" else binary
