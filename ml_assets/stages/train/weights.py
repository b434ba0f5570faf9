"""Weights of a blend, by greedy selection with replacement.

Belongs here: choosing weights on predictions. Does not belong here: where those come from.

The member that lowers the loss of the mean most is added, again and again; a weight is a member's
share of the additions (Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from
libraries of models", ICML 2004). Weights are sums of whole steps, so they are the same on every
machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_assets.stages import metrics
from ml_assets.stages.train.encode import Array

ROUNDS = 50
MOST = 20_000
"""Rows on which weights are chosen; of more, evenly spaced ones."""
_TINY = 1e-15
_ROWS = {
    "poisson_deviance": metrics.poisson_deviances,
    "rmsle": metrics.squared_log_errors,
}


def weights(
    task: str, metric: str, target: Array, predictions: Sequence[Array]
) -> tuple[float, ...]:
    """Return a weight for each member; they add up to 1.

    `target` and each of the predictions are what metrics take, for the same n rows.

    The loss is that of the metric for pinball, poisson_deviance and rmsle, absolute for mae and
    median_ae, squared for other metrics of a regression and for brier, otherwise the log loss. On a
    tie the first member is taken.
    """
    rows = np.arange(len(target))
    if len(rows) > MOST:
        rows = np.linspace(0, len(target) - 1, MOST).astype(np.int64)
    if not len(rows):
        return tuple(1.0 / len(predictions) for _ in predictions)
    terms = np.stack([_term(task, target[rows], each[rows]) for each in predictions])
    total, counts = np.zeros(len(rows)), np.zeros(len(predictions), dtype=np.int64)
    best, kept = np.inf, counts
    for number in range(1, ROUNDS + 1):
        losses = _loss(task, metric, target[rows], (total + terms) / number)
        place = int(np.argmin(losses))
        total, counts = total + terms[place], counts.copy()
        counts[place] += 1
        if losses[place] < best:
            best, kept = losses[place], counts
    return tuple((kept / kept.sum()).tolist())


def _term(task: str, target: Array, prediction: Array) -> Array:
    """Return what is averaged: the value, or the probability of what happened."""
    if task == "regression":
        return prediction
    if prediction.ndim == 1:
        return np.where(target == 1, prediction, 1.0 - prediction)
    place = np.maximum(target, 0).astype(np.int64)
    return np.where(target >= 0, prediction[np.arange(len(target)), place], 0.0)


def _loss(task: str, metric: str, target: Array, mean: Array) -> Array:
    """Return the loss (m,) of m means (m, n)."""
    name, number = metrics.parsed(metric)
    if name in _ROWS:
        losses = _ROWS[name](target, mean)
    elif name == "pinball" and number is not None:
        losses = metrics.pinball_losses(target, mean, number)
    elif task == "regression":
        error = np.abs(mean - target)
        losses = error if metric in ("mae", "median_ae") else np.square(error)
    elif metric == "brier":
        losses = np.square(1.0 - mean)
    else:
        losses = -np.log(np.clip(mean, _TINY, 1.0))
    return np.asarray(losses.mean(axis=1), dtype=np.float64)
