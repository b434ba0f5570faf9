"""The threshold from which a probability counts as class 1, chosen on rows not learned from.

Belongs here: choosing it, and reading it from a model document. Does not belong here: metrics of
classes (`metrics`).

By costs it is the place with the least total cost of false alarms and misses, by F1 that with the
largest F1; among equals the one nearest to 0.5. A place lies halfway between two probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.stages.metrics import HALF

if TYPE_CHECKING:
    from ml_assets.spec.threshold import Threshold
    from ml_assets.stages.train.encode import Array


def of(model: Mapping[str, Any]) -> float:
    """Return the threshold of a model document: 0.5 where none was asked for."""
    return float(model.get("threshold", HALF))


def chosen(rule: Threshold, target: Array, prediction: Array) -> tuple[float, str | None]:
    """Return the threshold for probabilities (n,) of rows not learned from, and a note.

    0.5 where only one class occurs, which the note says.
    """
    if isinstance(rule, float):
        return rule, None
    ones = int((target == 1).sum())
    if ones in (0, len(target)):
        return HALF, "threshold 0.5: only one class occurs in the rows that would choose it"
    places, hits, false = _places(target, prediction)
    if rule == "f1":
        value = 2.0 * hits / (hits + false + ones)
    else:
        value = -(rule.costs.false_positive * false + rule.costs.false_negative * (ones - hits))
    best = np.flatnonzero(value == value.max())
    return float(places[best[np.argmin(np.abs(places[best] - HALF))]]), None


def _places(target: Array, prediction: Array) -> tuple[Array, Array, Array]:
    """Return thresholds, and at each how many rows of class 1 and of class 0 reach it.

    The first is above all probabilities, the last at 0: every row reaches it.
    """
    values, at = np.unique(prediction, return_inverse=True)
    ones = np.bincount(at, target == 1, minlength=len(values))[::-1].cumsum()
    rows = np.bincount(at, minlength=len(values))[::-1].cumsum()
    between = (values[1:] + values[:-1])[::-1] / 2.0
    above = min(1.0, float(values[-1] + 1.0) / 2.0)
    places = np.concatenate([[above], between, [0.0]])
    # Halfway between two neighbours may be one of them, and above 1 there is nothing.
    kept = np.ones(len(places), dtype=bool)
    kept[0] = above > values[-1]
    hits, false = np.append(0.0, ones), np.append(0.0, rows - ones)
    return places[kept], hits[kept], false[kept]
