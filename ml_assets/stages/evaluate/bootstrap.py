"""Confidence intervals by block bootstrap, paired with the baseline.

Belongs here: drawing blocks, and the distribution of a metric over the draws. Does not belong
here: metric definitions.

Rows of one day depend on each other (weather, a late aircraft), so days are drawn with
replacement, not rows (Carlstein, 1986; Davison and Hinkley, "Bootstrap Methods and their
Application", 1997, §8.2.3). Percentile intervals (Efron and Tibshirani, "An Introduction to the
Bootstrap", 1993, ch. 13). Every metric here follows from sums over rows, so a draw costs a
product with the sums by block, never a pass over the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages import metrics
from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.metrics import Array

Ints = NDArray[np.int64]
MOST_BLOCKS = 2000
FEW_BLOCKS = 10
_BINS = 1000
_MEANS = frozenset(
    {"mae", "rmse", "brier", "log_loss", "mape", "rmsle", "poisson_deviance", "accuracy", "pinball"}
)
"""Metrics that are a mean over rows, or the root of one."""
_ROOTS = ("rmse", "rmsle")


@dataclass(frozen=True)
class Draws:
    """Each row's block (n,), how often each draw took each block, and a note for the report.

    `counts` is (draws, blocks).
    """

    block: Ints
    counts: Array
    note: str

    def sums(self, weight: Array | None, group: Ints, groups: int) -> Array:
        """Return the sum of a weight (n,) by draw and group: (draws, groups)."""
        place = self.block * groups + group
        by_block = np.bincount(place, weight, minlength=self.counts.shape[1] * groups)
        return np.asarray(self.counts @ by_block.reshape(-1, groups), dtype=np.float64)

    def of(self, rows: NDArray[np.bool_] | Ints) -> Draws:
        """Return the same draws for some of the rows: a mask (n,), or row numbers."""
        return Draws(self.block[rows], self.counts, self.note)


def draw(time: NDArray[np.datetime64], kind: str, resamples: int, seed: int) -> Draws:
    """Return seeded draws of blocks; `kind` is `day` or `row`, `time` (n,) is NaT if unknown.

    Rows are the blocks if fewer than two days are known. More than 2,000 blocks are grouped at
    random into 2,000, which preserves the variance of a sum.
    """
    block, unit = _blocks(time, kind)
    return drawn(block, unit, resamples, seed)


def drawn(block: Ints, unit: str, resamples: int, seed: int) -> Draws:
    """Return seeded draws of given blocks: (n,) numbers from 0, `unit` is their name."""
    generator = np.random.default_rng(seed)
    count = int(block.max()) + 1
    note = f"{count:,} {unit}s drawn with replacement, {resamples:,} times"
    if count > MOST_BLOCKS:
        block = (generator.permutation(count) % MOST_BLOCKS)[block]
        note += f", in {MOST_BLOCKS:,} random groups"
        count = MOST_BLOCKS
    if count < FEW_BLOCKS:
        note += f"; with so few {unit}s the intervals are rough"
    taken = generator.integers(0, count, size=(resamples, count))
    place = taken + count * np.arange(resamples)[:, None]
    counts = np.bincount(place.ravel(), minlength=resamples * count)
    return Draws(block, counts.reshape(resamples, count).astype(np.float64), note)


def distribution(
    name: str,
    target: Array,
    prediction: Array,
    draws: Draws,
    group: Ints,
    groups: int,
    at: float = metrics.HALF,
) -> Array:
    """Return a metric by draw and group of rows: (draws, groups), NaN if it has no value.

    `at` is the threshold of two classes.
    """
    if name in metrics.OF_CLASSES and prediction.ndim == 1:
        # These metrics see no more of a probability than its class.
        prediction = metrics.likeliest(prediction, at)
    plain, number = metrics.parsed(name)
    with np.errstate(divide="ignore", invalid="ignore"):
        if plain in _MEANS:
            total = draws.sums(_by_row(name, target, prediction), group, groups)
            mean = total / draws.sums(None, group, groups)
            return np.sqrt(mean) if name in _ROOTS else mean
        if name == "r2":
            return _r2(target, prediction, draws, group, groups)
        one: dict[str, Callable[[Array, Array, Draws], Array]] = {
            "auc": _auc,
            "median_ae": _median,
            "f1": _f1,
            "average_precision": _average_precision,
            "balanced_accuracy": _balanced_accuracy,
            "recall_at_precision": partial(_recall, number),
        }
        parts = [group == number for number in range(groups)]
        return np.column_stack(
            [one[plain](target[rows], prediction[rows], draws.of(rows)) for rows in parts]
        )


def _by_row(name: str, target: Array, prediction: Array) -> Array:
    losses = row_losses(name, target, prediction)
    return 1.0 - losses if metrics.greater_is_better(name) else losses


def interval(values: Array, level: float) -> list[float] | None:
    """Return [low, high] of a distribution (draws,); None if under half of them have one."""
    finite = values[np.isfinite(values)]
    if len(finite) * 2 < len(values):
        return None
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(finite, [tail, 1.0 - tail])
    return [float(low), float(high)]


def _blocks(time: NDArray[np.datetime64], kind: str) -> tuple[Ints, str]:
    known = ~np.isnat(time)
    days, place = np.unique(time[known].astype("datetime64[D]"), return_inverse=True)
    if kind == "row" or len(days) < 2:
        return np.arange(len(time)), "row"
    block = np.empty(len(time), dtype=np.int64)
    block[known] = place
    # A row without time is a block of its own.
    block[~known] = len(days) + np.arange(int((~known).sum()))
    return block, "day"


def _r2(target: Array, prediction: Array, draws: Draws, group: Ints, groups: int) -> Array:
    centred = target - target.mean()
    rows = draws.sums(None, group, groups)
    total = draws.sums(centred, group, groups)
    spread = draws.sums(np.square(centred), group, groups) - np.square(total) / rows
    spread[spread <= 1e-12 * np.square(centred).sum()] = np.nan
    errors = draws.sums(metrics.squared_errors(target, prediction), group, groups)
    return np.asarray(1.0 - errors / spread, dtype=np.float64)


def _auc(target: Array, prediction: Array, draws: Draws) -> Array:
    """Return the AUC by draw, with scores in at most 1,000 bins, each counted as one tie."""
    bins, count = _binned(prediction)
    ones = draws.sums((target == 1).astype(np.float64), bins, count)
    zeros = draws.sums((target == 0).astype(np.float64), bins, count)
    below = np.cumsum(zeros, axis=1) - zeros / 2.0
    areas = (ones * below).sum(axis=1) / (ones.sum(axis=1) * zeros.sum(axis=1))
    return np.asarray(areas, dtype=np.float64)


def _average_precision(target: Array, prediction: Array, draws: Draws) -> Array:
    """Return the average precision by draw, with scores in at most 1,000 bins."""
    bins, count = _binned(-prediction)
    ones = draws.sums((target == 1).astype(np.float64), bins, count)
    rows = np.cumsum(draws.sums(None, bins, count), axis=1)
    reached = np.cumsum(ones, axis=1)
    precision = np.divide(reached, rows, out=np.zeros_like(rows), where=rows > 0)
    return np.asarray((ones * precision).sum(axis=1) / reached[:, -1], dtype=np.float64)


def _recall(wanted: float | None, target: Array, prediction: Array, draws: Draws) -> Array:
    """Return the largest recall of a precision by draw, with scores in at most 1,000 bins."""
    bins, count = _binned(-prediction)
    ones = draws.sums((target == 1).astype(np.float64), bins, count)
    rows = np.cumsum(draws.sums(None, bins, count), axis=1)
    reached = np.cumsum(ones, axis=1)
    good = reached >= (wanted or 0.0) * rows
    return np.asarray(np.where(good, reached, 0.0).max(axis=1) / reached[:, -1], dtype=np.float64)


def _f1(target: Array, prediction: Array, draws: Draws) -> Array:
    """Return F1 by draw; of several classes the mean over those that a draw has."""
    said = metrics.likeliest(prediction)
    values = np.array([1.0]) if prediction.ndim == 1 else np.unique(target)
    every = np.zeros(len(target), dtype=np.int64)
    scores = []
    for value in values:
        right, ours, theirs = (
            draws.sums(rows.astype(np.float64), every, 1)[:, 0]
            for rows in ((said == value) & (target == value), said == value, target == value)
        )
        scores.append(np.where(theirs > 0, 2.0 * right / (ours + theirs), np.nan))
    return _mean(scores)


def _balanced_accuracy(target: Array, prediction: Array, draws: Draws) -> Array:
    """Return the balanced accuracy by draw; NaN for a draw of one class."""
    values, group = np.unique(target, return_inverse=True)
    rows = draws.sums(None, group, len(values))
    share = draws.sums(metrics.hits(target, prediction), group, len(values)) / rows
    recall = _mean(list(share.T))
    return np.where((rows > 0).sum(axis=1) > 1, recall, np.nan)


def _mean(parts: list[Array]) -> Array:
    """Return the mean of those of several values that there are, by draw."""
    values = np.column_stack(parts)
    there = np.isfinite(values)
    return np.asarray(np.where(there, values, 0.0).sum(axis=1) / there.sum(axis=1), np.float64)


def _median(target: Array, prediction: Array, draws: Draws) -> Array:
    """Return the median absolute error by draw, to a thousandth of the errors' distribution."""
    errors = metrics.absolute_errors(target, prediction)
    bins, count = _binned(errors)
    middle = np.bincount(bins, errors, minlength=count) / np.bincount(bins, minlength=count)
    reached = np.cumsum(draws.sums(None, bins, count), axis=1)
    place = (reached * 2.0 < reached[:, -1:]).sum(axis=1)
    medians = middle[np.minimum(place, count - 1)]
    return np.where(reached[:, -1] > 0, medians, np.nan)


def _binned(values: Array) -> tuple[Ints, int]:
    """Return each value's bin; equal values share one, and none is empty."""
    if len(values) == 0:
        return np.empty(0, dtype=np.int64), 1
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1], method="lower"))
    bins, place = np.unique(np.searchsorted(edges, values, side="right"), return_inverse=True)
    return place.astype(np.int64), len(bins)
