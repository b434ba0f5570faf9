"""Each row's contribution to a metric.

Belongs here: losses by row, the smaller the better. Does not belong here: metrics of many rows.
"""

from __future__ import annotations

from ml_assets.stages import metrics
from ml_assets.stages.metrics import Array


def row_losses(metric: str, target: Array, prediction: Array, at: float = metrics.HALF) -> Array:
    """Return (n,) losses whose mean is the metric, or the closest loss if it is not a mean.

    r2: squared error, rmsle: squared error of the logarithms, median_ae: absolute error; auc,
    average_precision and recall_at_precision: log loss; accuracy, balanced_accuracy and f1: 1 if
    wrong. `at` is the threshold of two classes.
    """
    metric, number = metrics.parsed(metric)
    if metric == "pinball" and number is not None:
        return metrics.pinball_losses(target, prediction, number)
    if metric == "poisson_deviance":
        return metrics.poisson_deviances(target, prediction)
    if metric == "rmsle":
        return metrics.squared_log_errors(target, prediction)
    if metric in ("mae", "median_ae"):
        return metrics.absolute_errors(target, prediction)
    if metric == "mape":
        return metrics.relative_errors(target, prediction)
    if metric in ("log_loss", "auc", "average_precision", "recall_at_precision"):
        return metrics.log_losses(target, prediction)
    if metric in ("accuracy", "balanced_accuracy", "f1"):
        return 1.0 - metrics.hits(target, prediction, at)
    return metrics.squared_errors(target, prediction)
