"""Metrics by task: a number, or None with the reason.

Belongs here: definitions (checked against scikit-learn in tests). Does not belong here:
intervals, slices, choosing.

Regression: target (n,), prediction (n,). Binary: target 0/1 (n,), probability of 1 (n,).
Multiclass: target is a class index (n,), -1 for a class unknown to the model; prediction is
(n, k) probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Metric = Callable[[Array, Array], float]
HALF = 0.5
"""From this probability on class 1 is the likeliest."""
OF_CLASSES = ("accuracy", "f1", "balanced_accuracy")
"""Metrics of what is said to be the class: of two classes they depend on the threshold `at`."""
_TINY = 1e-15
_RATE = 1e-9
"""The least predicted count that a deviance is of: at 0 it would be infinite."""
_WITH_NUMBER = re.compile(r"(pinball|recall_at_precision)_(0\.\d+)")
_GREATER = frozenset(
    {
        "r2",
        "auc",
        "accuracy",
        "f1",
        "average_precision",
        "balanced_accuracy",
        "recall_at_precision",
    }
)


def parsed(name: str) -> tuple[str, float | None]:
    """Return a metric's name without its number, and the number.

    >>> parsed("pinball_0.9"), parsed("mae")
    (('pinball', 0.9), ('mae', None))
    """
    match = _WITH_NUMBER.fullmatch(name)
    return (match[1], float(match[2])) if match else (name, None)


def greater_is_better(name: str) -> bool:
    """Return whether a larger value of a metric is better.

    >>> greater_is_better("recall_at_precision_0.9"), greater_is_better("mae")
    (True, False)
    """
    return parsed(name)[0] in _GREATER


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


def hits(target: Array, prediction: Array, at: float = HALF) -> Array:
    """Return 1.0 by row if its class is the target's (of two classes `at` and above: class 1)."""
    return np.asarray(likeliest(prediction, at) == target, dtype=np.float64)


def relative_errors(target: Array, prediction: Array) -> Array:
    """Return |target - prediction| / |target| by row."""
    return np.abs(target - prediction) / np.abs(target)


def squared_log_errors(target: Array, prediction: Array) -> Array:
    """Return (ln(1 + target) - ln(1 + prediction))² by row; a prediction below 0 counts as 0."""
    return squared_errors(np.log1p(target), np.log1p(np.maximum(prediction, 0.0)))


def poisson_deviances(target: Array, prediction: Array) -> Array:
    """Return 2 (target ln(target / prediction) - target + prediction) by row.

    A prediction below 1e-9 counts as that.
    """
    rate = np.maximum(prediction, _RATE)
    known = np.where(target > 0, target, 1.0)
    return 2.0 * (np.where(target > 0, target * np.log(known / rate), 0.0) - target + rate)


def pinball_losses(target: Array, prediction: Array, quantile: float) -> Array:
    """Return the loss by row whose mean is least for a quantile (Koenker and Bassett, 1978)."""
    over = target - prediction
    return np.maximum(quantile * over, (quantile - 1.0) * over)


def likeliest(prediction: Array, at: float = HALF) -> Array:
    """Return the likeliest class of each row; of two classes `at` and above: class 1."""
    likelier = prediction >= at if prediction.ndim == 1 else prediction.argmax(axis=1)
    return np.asarray(likelier, dtype=np.float64)


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


def accuracy(target: Array, prediction: Array, at: float = HALF) -> float:
    """Return the share of rows whose class is right."""
    return float(hits(target, prediction, at).mean())


def auc(target: Array, prediction: Array) -> float:
    """Return the probability that a row of class 1 ranks above one of class 0; ties count half.

    By ranks (Mann and Whitney, 1947); needs both classes.
    """
    _, place, counts = np.unique(prediction, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2.0
    ones = target == 1
    n1, n0 = int(ones.sum()), int((~ones).sum())
    return float((rank[place][ones].sum() - n1 * (n1 + 1) / 2.0) / (n1 * n0))


def mape(target: Array, prediction: Array) -> float:
    """Return the mean absolute error relative to the target; needs targets other than 0."""
    return float(relative_errors(target, prediction).mean())


def balanced_accuracy(target: Array, prediction: Array, at: float = HALF) -> float:
    """Return the mean, over the classes that occur, of the share of their rows that is right."""
    right = hits(target, prediction, at)
    return float(np.mean([right[target == value].mean() for value in np.unique(target)]))


def f1(target: Array, prediction: Array, at: float = HALF) -> float:
    """Return the harmonic mean of precision and recall (van Rijsbergen, 1979).

    Of class 1 where its probability is `at` or above; of several classes the mean over those
    that occur.
    """
    said = likeliest(prediction, at)
    values = [1.0] if prediction.ndim == 1 else np.unique(target)
    scores = []
    for value in values:
        right = ((said == value) & (target == value)).sum()
        scores.append(2.0 * right / ((said == value).sum() + (target == value).sum()))
    return float(np.mean(scores))


def average_precision(target: Array, prediction: Array) -> float:
    """Return the mean precision at the rows of class 1, from the likeliest down; ties together."""
    _, place = np.unique(-prediction, return_inverse=True)
    ones = np.bincount(place, target == 1)
    reached = np.cumsum(ones)
    return float((ones * reached / np.cumsum(np.bincount(place))).sum() / reached[-1])


def rmsle(target: Array, prediction: Array) -> float:
    """Return the root of the mean squared difference of ln(1 + value); no target is below 0."""
    return float(np.sqrt(squared_log_errors(target, prediction).mean()))


def poisson_deviance(target: Array, prediction: Array) -> float:
    """Return the mean Poisson deviance; no target is below 0."""
    return float(poisson_deviances(target, prediction).mean())


def pinball(quantile: float, target: Array, prediction: Array) -> float:
    """Return the mean pinball loss of a predicted quantile, in the target's unit."""
    return float(pinball_losses(target, prediction, quantile).mean())


def recall_at_precision(precision: float, target: Array, prediction: Array) -> float:
    """Return the largest recall of any threshold with at least this precision; 0 if none has it."""
    _, place, counts = np.unique(-prediction, return_inverse=True, return_counts=True)
    reached = np.cumsum(np.bincount(place, target == 1))
    good = reached >= precision * np.cumsum(counts)
    return float(reached[good].max() / reached[-1]) if good.any() else 0.0


BY_TASK: Mapping[str, Mapping[str, Metric]] = {
    "regression": {"mae": mae, "rmse": rmse, "r2": r2, "median_ae": median_ae},
    "binary": {"log_loss": log_loss, "brier": brier, "auc": auc, "accuracy": accuracy},
    "multiclass": {"log_loss": log_loss, "accuracy": accuracy},
}


ASKED: Mapping[str, Mapping[str, Metric]] = {
    "regression": {"mape": mape, "rmsle": rmsle, "poisson_deviance": poisson_deviance},
    "binary": {
        "f1": f1,
        "average_precision": average_precision,
        "balanced_accuracy": balanced_accuracy,
    },
    "multiclass": {"f1": f1, "balanced_accuracy": balanced_accuracy},
}
"""Metrics that are measured only where a spec names them."""
NUMBERED: Mapping[str, Mapping[str, Callable[[float, Array, Array], float]]] = {
    "regression": {"pinball": pinball},
    "binary": {"recall_at_precision": recall_at_precision},
    "multiclass": {},
}
"""Metrics of a number, which is part of the name (`pinball_0.9`); measured likewise."""


def function(task: str, name: str, at: float = HALF) -> Metric:
    """Return a metric of a task by its name; `at` is the threshold of two classes."""
    plain, number = parsed(name)
    if number is not None:
        return partial(NUMBERED[task][plain], number)
    metric: Callable[..., float] = BY_TASK[task].get(name) or ASKED[task][name]
    return partial(metric, at=at) if name in OF_CLASSES else metric


def named(task: str, also: Iterable[str] = ()) -> list[str]:
    """Return the names of the metrics that every model has, and of those that are asked for.

    >>> named("multiclass", ["f1", "accuracy"])
    ['log_loss', 'accuracy', 'f1']
    """
    optional = {*ASKED[task], *NUMBERED[task]}
    return list(dict.fromkeys([*BY_TASK[task], *(n for n in also if parsed(n)[0] in optional)]))


def why_undefined(name: str, target: Array) -> str | None:
    """Return why a metric has no value on these rows, or None if it has one."""
    name, _ = parsed(name)
    if len(target) == 0:
        return "no rows"
    if name == "r2" and target.min() == target.max():
        return "the target is constant"
    if name in ("auc", "balanced_accuracy") and target.min() == target.max():
        return "only one class occurs"
    no_one = name in ("f1", "average_precision", "recall_at_precision")
    if no_one and not (target > 0).any():
        return "no row is of class 1"
    if name == "mape" and (target == 0).any():
        return "a target is 0"
    if name in ("rmsle", "poisson_deviance") and (target < 0).any():
        return "a target is below 0"
    return None


def measure(
    task: str, target: Array, prediction: Array, also: Iterable[str] = (), at: float = HALF
) -> tuple[dict[str, float | None], list[str]]:
    """Return every metric of a task, None if it has no value, and the reasons.

    `also` names metrics that are measured only where they are asked for; `at` is the threshold of
    two classes.
    """
    values: dict[str, float | None] = {}
    notes = []
    for name in named(task, also):
        metric = function(task, name, at)
        reason = why_undefined(name, target)
        values[name] = None
        if reason is None:
            with np.errstate(over="ignore", invalid="ignore"):
                score = metric(target, prediction)
            values[name], reason = _finite(score, target, prediction)
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
    return value > than if greater_is_better(name) else value < than
