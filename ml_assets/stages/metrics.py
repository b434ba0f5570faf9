"""Metrics by task: a number, or None with the reason.

Belongs here: definitions (checked against scikit-learn in tests). Does not belong here:
intervals, slices, choosing.

Regression: target (n,), prediction (n,). Binary: target 0/1 (n,), probability of 1 (n,).
Multiclass: target is a class index (n,), -1 for a class unknown to the model; prediction is
(n, k) probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Metric = Callable[[Array, Array], float]
_TINY = 1e-15
GREATER_IS_BETTER = frozenset({"r2", "auc", "accuracy"})


def absolute_errors(target: Array, prediction: Array) -> Array:
    """Return |target - prediction| by row."""
    return np.abs(target - prediction)


def squared_errors(target: Array, prediction: Array) -> Array:
    """Return (target - prediction)² by row; for probabilities the Brier score's terms."""
    return np.square(target - prediction)


def log_losses(target: Array, prediction: Array) -> Array:
    """Return -ln(probability of the outcome) by row, probabilities clipped to 1e-15 off 0 and 1."""
    if prediction.ndim == 1:
        happened = np.where(target == 1, prediction, 1.0 - prediction)
    else:
        rows = np.arange(len(target))
        happened = np.where(target >= 0, prediction[rows, target.astype(int)], 0.0)
    return np.asarray(-np.log(np.clip(happened, _TINY, 1.0)), dtype=np.float64)


def hits(target: Array, prediction: Array) -> Array:
    """Return 1.0 by row if the likeliest class is the target's (0.5 and above: class 1)."""
    likelier = prediction >= 0.5 if prediction.ndim == 1 else prediction.argmax(axis=1)
    return np.asarray(likelier == target, dtype=np.float64)


def mae(target: Array, prediction: Array) -> float:
    """Return the mean absolute error, in the target's unit."""
    return float(absolute_errors(target, prediction).mean())


def median_ae(target: Array, prediction: Array) -> float:
    """Return the median absolute error, in the target's unit."""
    return float(np.median(absolute_errors(target, prediction)))


def rmse(target: Array, prediction: Array) -> float:
    """Return the root of the mean squared error, in the target's unit."""
    return float(np.sqrt(squared_errors(target, prediction).mean()))


def r2(target: Array, prediction: Array) -> float:
    """Return 1 - squared error / squared error of the mean; needs a target that varies."""
    spread = np.square(target - target.mean()).sum()
    return float(1.0 - squared_errors(target, prediction).sum() / spread)


def log_loss(target: Array, prediction: Array) -> float:
    """Return the mean negative log-likelihood, in nats."""
    return float(log_losses(target, prediction).mean())


def brier(target: Array, prediction: Array) -> float:
    """Return the mean squared error of the probability (Brier, 1950)."""
    return float(squared_errors(target, prediction).mean())


def accuracy(target: Array, prediction: Array) -> float:
    """Return the share of rows whose likeliest class is right."""
    return float(hits(target, prediction).mean())


def auc(target: Array, prediction: Array) -> float:
    """Return the probability that a row of class 1 ranks above one of class 0; ties count half.

    By ranks (Mann and Whitney, 1947); needs both classes.
    """
    _, place, counts = np.unique(prediction, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2.0
    ones = target == 1
    n1, n0 = int(ones.sum()), int((~ones).sum())
    return float((rank[place][ones].sum() - n1 * (n1 + 1) / 2.0) / (n1 * n0))


BY_TASK: Mapping[str, Mapping[str, Metric]] = {
    "regression": {"mae": mae, "rmse": rmse, "r2": r2, "median_ae": median_ae},
    "binary": {"log_loss": log_loss, "brier": brier, "auc": auc, "accuracy": accuracy},
    "multiclass": {"log_loss": log_loss, "accuracy": accuracy},
}


def why_undefined(name: str, target: Array) -> str | None:
    """Return why a metric has no value on these rows, or None if it has one."""
    if len(target) == 0:
        return "no rows"
    if name == "r2" and target.min() == target.max():
        return "the target is constant"
    if name == "auc" and target.min() == target.max():
        return "only one class occurs"
    return None


def measure(
    task: str, target: Array, prediction: Array
) -> tuple[dict[str, float | None], list[str]]:
    """Return every metric of a task, None if it has no value, and the reasons."""
    values: dict[str, float | None] = {}
    notes = []
    for name, metric in BY_TASK[task].items():
        reason = why_undefined(name, target)
        values[name] = None
        if reason is None:
            with np.errstate(over="ignore", invalid="ignore"):
                found = metric(target, prediction)
            values[name], reason = _finite(found, target, prediction)
        if reason is not None:
            notes.append(f"{name} has no value: {reason}")
    return values, notes


def _finite(value: float, target: Array, prediction: Array) -> tuple[float | None, str | None]:
    if np.isfinite(value):
        return value, None
    sizes = [f"{np.abs(values).max():.3g}" for values in (target, prediction)]
    return (
        None,
        f"too large for a float: targets reach {sizes[0]}, predictions {sizes[1]} in magnitude",
    )


def is_better(name: str, value: float, than: float) -> bool:
    """Return whether a metric's value is strictly better than another."""
    return value > than if name in GREATER_IS_BETTER else value < than
