"""How far estimates of a model's own past were off, and the interval that follows.

Belongs here: estimating each batch from those before, the reach of an interval. Does not belong
here: estimates of new batches (`estimates`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml_assets.stages import metrics
from ml_assets.stages.intervals.calibrate import limit
from ml_assets.stages.metrics import Array
from ml_assets.stages.monitor import ratio
from ml_assets.stages.monitor.reference import NotEstimable, Reference, inputs

FEWEST_ROWS = 30
"""Rows of a batch below which chance is all that its metric shows."""
FEWEST_KNOWN = 100
"""Rows from which something may be learned."""
REFITS = 12
"""How often, at most, the back-tests learn anew; between, a batch is estimated from less."""


class Learned(Protocol):
    """A way to estimate one metric that has learned from a reference."""

    def value(self, features: Array, prediction: Array, weight: Array | None) -> float:
        """Return the metric of a batch, with the reference's rows weighted (n,) if asked."""


Learn = Callable[[Reference], Learned]


@dataclass(frozen=True)
class Backtest:
    """A batch of the reference, estimated from those before."""

    batch: str
    rows: int
    value: float
    realized: float
    reach: float | None
    """Half the width of the interval that earlier errors gave; None if they were too few."""

    @property
    def covered(self) -> bool:
        """Whether the interval held the realized metric."""
        return self.reach is not None and abs(self.realized - self.value) <= self.reach


def value(
    learned: Learned,
    known: Reference,
    features: Array,
    prediction: Array,
    *,
    weighted: bool,
    seed: int,
) -> float:
    """Return the estimate of a batch from what was learned from `known`.

    Raise NotEstimable if there is none.
    """
    weight = None
    if weighted:
        both = inputs(known.features, known.prediction), inputs(features, prediction)
        weight = ratio.weights(*both, seed)
    return learned.value(features, prediction, weight)


def tried(
    learn: Learn,
    task: str,
    metric: str,
    known: Reference,
    *,
    coverage: float,
    weighted: bool,
    seed: int,
) -> list[Backtest]:
    """Return the back-tests of the batches that can be estimated and measured, in order of time."""
    backtests: list[Backtest] = []
    typical = typical_rows(known)
    for past, learned, batch, name in _in_turn(learn, known):
        if len(batch) < FEWEST_ROWS or metrics.why_undefined(metric, batch.target) is not None:
            continue
        try:
            asked = batch.features, batch.prediction
            estimate = value(learned, past, *asked, weighted=weighted, seed=seed)
        except NotEstimable:
            continue
        realized = metrics.function(task, metric)(batch.target, batch.prediction)
        width = reach(backtests, len(batch), typical, coverage)
        backtests.append(Backtest(name, len(batch), estimate, float(realized), width))
    return backtests


def typical_rows(known: Reference) -> float:
    """Return the median number of rows of the batches that are not too small to be estimated."""
    sizes = np.bincount(known.numbered()[1])
    enough = sizes[sizes >= FEWEST_ROWS]
    return float(np.median(enough)) if len(enough) else math.nan


def reach(tests: Sequence[Backtest], rows: int, typical: float, coverage: float) -> float | None:
    """Return half the width of the interval of a batch; None if the back-tests are too few.

    The error of a batch smaller than a typical one grows by the root of how much smaller it is; a
    larger one is given no smaller error, since rows of a batch are alike.
    """
    errors = [abs(one.realized - one.value) / _wider(one.rows, typical) for one in tests]
    width = limit(np.array(errors), coverage)
    return None if width is None else width * _wider(rows, typical)


def _wider(rows: int, typical: float) -> float:
    return max(1.0, math.sqrt(typical / rows))


def _in_turn(learn: Learn, known: Reference) -> Iterator[tuple[Reference, Learned, Reference, str]]:
    """Yield each batch with a part of the past, and what was learned from that part."""
    names, place = known.numbered()
    rows_before = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(names)))])
    usable = [number for number in range(len(names)) if rows_before[number] >= FEWEST_KNOWN]
    renewed = {int(part[0]) for part in np.array_split(usable, REFITS) if len(part)}
    learned: Learned | None = None
    past = known
    for number in usable:
        if number in renewed:
            past = known.where(place < number)
            try:
                learned = learn(past)
            except NotEstimable:
                learned = None
        if learned is not None:
            yield past, learned, known.where(place == number), names[number]
