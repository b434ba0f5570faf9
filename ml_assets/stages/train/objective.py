"""What trees are grown for: the objective that a spec names, or the one that fits its metric.

Belongs here: names of objectives, and which targets they take. Does not belong here: a library's
own names of them (each family's file).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml_assets.faults import StageError
from ml_assets.stages.counted import counted
from ml_assets.stages.metrics import parsed

if TYPE_CHECKING:
    from ml_assets.stages.train.encode import Array
    from ml_assets.stages.train.folds import Context

_BY_METRIC = {"pinball": "quantile", "poisson_deviance": "poisson"}
NOT_NEGATIVE = ("poisson", "tweedie", "gamma")
MEDIAN = 0.5


def fitting(metric: str) -> str | None:
    """Return the objective of a metric that needs one of its own.

    >>> fitting("pinball_0.9"), fitting("rmse")
    ('quantile', None)
    """
    return _BY_METRIC.get(parsed(metric)[0])


def quantile(alpha: float | None, metric: str) -> float:
    """Return the quantile to predict: as asked for, or the metric's, otherwise the median.

    >>> quantile(None, "pinball_0.9"), quantile(0.1, "pinball_0.9"), quantile(None, "mae")
    (0.9, 0.1, 0.5)
    """
    name, number = parsed(metric)
    own = number if name == "pinball" else None
    return alpha or own or MEDIAN


def check(objective: str, target: Array, context: Context) -> None:
    """Raise StageError for targets that an objective of a regression does not take."""
    if context.task != "regression" or not objective.startswith(NOT_NEGATIVE):
        return
    below = int(np.count_nonzero(target < 0))
    if below:
        raise StageError(
            f"objective {objective}: {counted(below, 'target is', 'targets are')} below 0, wanted "
            "0 and above; use l2, or leave out the objective and choose another metric"
        )
    if not target.any():
        raise StageError(f"objective {objective}: every target is 0, wanted some above 0")
