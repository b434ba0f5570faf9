"""Each row's contribution to a metric.

Belongs here: losses by row, the smaller the better. Does not belong here: metrics of many rows.
"""

from __future__ import annotations

from ml_assets.stages import metrics
from ml_assets.stages.metrics import Array


def row_losses(metric: str, target: Array, prediction: Array) -> Array:
    """Return (n,) losses whose mean is the metric, or the closest loss if it is not a mean.

    r2: squared error, median_ae: absolute error, auc: log loss, accuracy: 1 if wrong.
    """
    if metric in ("mae", "median_ae"):
        return metrics.absolute_errors(target, prediction)
    if metric in ("log_loss", "auc"):
        return metrics.log_losses(target, prediction)
    if metric == "accuracy":
        return 1.0 - metrics.hits(target, prediction)
    return metrics.squared_errors(target, prediction)
