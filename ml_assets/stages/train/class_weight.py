"""Weights of rows that make up for rare classes.

Belongs here: `class_weight` of every family. Does not belong here: the weights of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ml_assets.faults import StageError, suggest

if TYPE_CHECKING:
    from ml_assets.stages.train.encode import Array
    from ml_assets.stages.train.folds import Context, Fold


def balanced(fold: Fold, context: Context, class_weight: str | Mapping[str, float] | None) -> Fold:
    """Return the fold with the weights of its rows times those of their classes.

    "balanced" makes every class weigh alike. In a mapping a class is named as it is spelled, of
    two classes `true` and `false` (or 1 and 0). StageError for names that are not classes.
    """
    if class_weight is None or context.task == "regression":
        return fold
    weight = np.ones(len(fold.target)) if fold.weight is None else fold.weight
    number = fold.target.astype(np.int64)
    if not isinstance(class_weight, str):
        return replace(fold, weight=weight * _named(class_weight, context)[number])
    sums = np.bincount(number, weights=weight)
    present = sums > 0
    share = np.where(present, weight.sum() / (present.sum() * np.where(present, sums, 1.0)), 0.0)
    return replace(fold, weight=weight * share[number])


def _named(class_weight: Mapping[str, float], context: Context) -> Array:
    """Return the weight of each class, 1 where none is given."""
    binary = {"false": 0, "0": 0, "true": 1, "1": 1}
    place = {name: n for n, name in enumerate(context.classes)} or binary
    unknown = [name for name in class_weight if name not in place]
    if unknown:
        said = "; ".join(f"no class {name!r}{suggest(name, place)}" for name in unknown)
        raise StageError(f"class_weight: {said}")
    weights = np.ones(len(context.classes) or 2)
    for name, value in class_weight.items():
        weights[place[name]] = value
    return weights
