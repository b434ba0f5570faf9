"""Small trees that learn from a reference: LightGBM, the same each time.

Belongs here: the settings. Does not belong here: the models themselves (`train`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_assets.stages.metrics import Array

SETTINGS: dict[str, Any] = {
    "learning_rate": 0.1,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "lambda_l2": 1.0,
    "verbose": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}


def learned(matrix: Array, target: Array, objective: str, rounds: int, seed: int) -> Any:
    """Return a booster for the columns of a matrix (n, width) and a target (n,)."""
    import lightgbm

    settings = {**SETTINGS, "objective": objective, "seed": seed}
    return lightgbm.train(settings, lightgbm.Dataset(matrix, target), rounds)


def said(booster: Any, matrix: Array) -> Array:
    """Return what a booster predicts for each row."""
    return np.asarray(booster.predict(matrix, num_threads=1), dtype=np.float64)
