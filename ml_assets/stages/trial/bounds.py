"""How far apart two models' losses of a row can be, whatever the label will be.

Belongs here: bounds. Does not belong here: the losses (`evaluate/losses`), blocks of rows
(`blocks`).

A bound is known before the label is, from what both models said; so the difference of their losses
divided by it lies in [-1, 1], which is what a confidence sequence needs. With the range of the loss
itself no trial would end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ml_assets.stages import metrics
from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.train.encode import Array

Bound = Callable[[Array, Array], Array]
OF_CLASSES = ("log_loss", "brier", "accuracy")
"""Metrics whose target is one of the classes: each of them is tried."""


def bound_of(metric: str, span: Sequence[float] | None = None) -> Bound:
    """Return the largest difference of two predictions' losses by row: (one, other) -> (n,).

    The losses are those of `row_losses`. `span` is the least and the largest target, which `rmse`
    needs. KeyError for other metrics.
    """
    name, number = metrics.parsed(metric)
    if name in OF_CLASSES:
        return partial(_of_classes, metric)
    if name == "pinball":
        steeper = max(float(number or 0.5), 1.0 - float(number or 0.5))
        return lambda one, other: steeper * np.abs(one - other)
    low, high = span or (-np.inf, np.inf)
    bounds: dict[str, Bound] = {"mae": _absolute, "rmse": partial(_squared, low=low, high=high)}
    return bounds[name]


def _of_classes(metric: str, one: Array, other: Array) -> Array:
    """Return the largest difference over the classes that the target may be."""
    classes = 2 if one.ndim == 1 else one.shape[1]
    apart = [
        row_losses(metric, target, one) - row_losses(metric, target, other)
        for target in (np.full(len(one), float(place)) for place in range(classes))
    ]
    return np.asarray(np.abs(apart).max(axis=0))


def _absolute(one: Array, other: Array) -> Array:
    return np.abs(one - other)


def _squared(one: Array, other: Array, low: float, high: float) -> Array:
    """Return the largest |(y - a)² - (y - b)²| = |a - b| |a + b - 2y| over y in the span."""
    both = one + other
    return np.abs(one - other) * np.maximum(np.abs(both - 2 * low), np.abs(both - 2 * high))
