"""Metrics at a site: numbers over all of its rows of a fold.

Of the mean squared error of a few hundred rows, one target far away can be computed to a hundredth,
and so can an input of a linear model: targets and predictions count as within the range that the
sites agreed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NAMES = {"regression": ("mae", "rmse"), "binary": ("error", "log_loss")}
"""By task; the last one is compared if the model's metric is none of them."""
_TINY = 1e-6
_DIGITS = 6


def measured(plan: Mapping[str, Any], target: Array, scores: Array) -> dict[str, float]:
    """Return the metrics of scores (n,), to six digits; of two classes those of probabilities."""
    if plan["task"] == "regression":
        low, high = plan["low"], plan["high"]
        found = _regression(np.clip(target, low, high), np.clip(scores, low, high))
    else:
        found = _binary(target, scores)
    return {name: float(f"{value:.{_DIGITS}g}") for name, value in found.items()}


def loss_in(task: str, metric: str, measured: Mapping[str, float]) -> float:
    """Return what rounds are compared by, less is better: the model's metric if it is known."""
    return measured[metric if metric in NAMES[task] else NAMES[task][-1]]


def _regression(target: Array, scores: Array) -> dict[str, float]:
    off = scores - target
    return {"mae": float(np.abs(off).mean()), "rmse": float(np.sqrt((off**2).mean()))}


def _binary(target: Array, scores: Array) -> dict[str, float]:
    share = np.clip(1 / (1 + np.exp(-scores)), _TINY, 1 - _TINY)
    said = np.where(target == 1, share, 1 - share)
    return {"log_loss": float(-np.log(said).mean()), "error": float((said < 0.5).mean())}
