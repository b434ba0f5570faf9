"""Losses by row, and how far apart two models' losses can be whatever the label will be.

Belongs here: the losses of a trial and their bounds. Does not belong here: blocks of rows
(`blocks`), metrics of a whole (`stages/metrics`).

A bound is known before the label is, from what both models said; so the difference of their losses
divided by it lies in [-1, 1], which is what a confidence sequence needs. With the range of the loss
itself no trial would end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ml_assets.stages import metrics
from ml_assets.stages.train.encode import Array

Loss = Callable[[Array, Array], Array]
Bound = Callable[[Array, Array], Array]
_TINY = 1e-15


def loss_of(metric: str) -> Loss:
    """Return the loss by row whose mean a metric is: (target, prediction) -> (n,), less is better.

    The squared error for `rmse`, and a miss for `accuracy`. KeyError for other metrics.
    """
    name, number = metrics.parsed(metric)
    if name == "pinball":
        quantile = float(number or 0.5)
        return lambda target, said: pinball_losses(quantile, target, said)
    return {
        "mae": metrics.absolute_errors,
        "rmse": metrics.squared_errors,
        "brier": metrics.squared_errors,
        "log_loss": metrics.log_losses,
        "accuracy": lambda target, said: 1.0 - metrics.hits(target, said),
    }[name]


def bound_of(metric: str, span: Sequence[float] | None = None) -> Bound:
    """Return the largest difference of two predictions' losses by row: (one, other) -> (n,).

    `span` is the least and the largest target, which `rmse` needs. KeyError for other metrics.
    """
    name, number = metrics.parsed(metric)
    if name == "pinball":
        steeper = max(float(number or 0.5), 1.0 - float(number or 0.5))
        return lambda one, other: steeper * np.abs(one - other)
    if name == "rmse":
        low, high = span or (-np.inf, np.inf)
        return lambda one, other: _squared(one, other, low, high)
    return {"mae": _absolute, "brier": _brier, "log_loss": _log, "accuracy": _class}[name]


def pinball_losses(quantile: float, target: Array, prediction: Array) -> Array:
    """Return the pinball loss by row (Koenker and Bassett, 1978)."""
    over = target - prediction
    return np.maximum(quantile * over, (quantile - 1.0) * over)


def _absolute(one: Array, other: Array) -> Array:
    return np.abs(one - other)


def _squared(one: Array, other: Array, low: float, high: float) -> Array:
    """Return the largest |(y - a)² - (y - b)²| = |a - b| |a + b - 2y| over y in the span."""
    both = one + other
    return np.abs(one - other) * np.maximum(np.abs(both - 2 * low), np.abs(both - 2 * high))


def _outcomes(said: Array) -> Array:
    """Return the probability of each outcome, (n, k)."""
    return np.column_stack([1.0 - said, said]) if said.ndim == 1 else said


def _brier(one: Array, other: Array) -> Array:
    apart = np.square(1.0 - _outcomes(one)) - np.square(1.0 - _outcomes(other))
    return np.asarray(np.abs(apart).max(axis=1))


def _log(one: Array, other: Array) -> Array:
    ours, theirs = (np.log(np.clip(_outcomes(said), _TINY, 1.0)) for said in (one, other))
    return np.asarray(np.abs(ours - theirs).max(axis=1))


def _class(one: Array, other: Array) -> Array:
    apart = metrics.likeliest(one) != metrics.likeliest(other)
    return np.asarray(apart, dtype=np.float64)


def aligned(said: Array, classes: Sequence[str], every: Sequence[str]) -> Array:
    """Return probabilities (n, k) with a column for each of `every` class; 0 for an unknown one."""
    place = {name: number for number, name in enumerate(classes)}
    nothing = np.zeros(len(said))
    return np.column_stack([said[:, place[n]] if n in place else nothing for n in every])
