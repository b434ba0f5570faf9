"""Thresholds by resampling the reference, for a given rate of false alarms.

Belongs here: resampling blocks, one threshold for each test of a family. Does not belong here:
the figures of a batch.

Under the null hypothesis a batch of m blocks is drawn from the same population as the
reference's B blocks. Both are resampled, with replacement, from the reference's blocks (B.
Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 16); the
effect sizes are the same as for real batches. All tests of a family share one limit on their
maximum, each in units of its own typical size (P. Westfall, S. Young, Resampling-Based Multiple
Testing, 1993, section 2.5: single-step max-T): the rate holds for the family, not for a column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ml_assets.stages.quality.effects import cohens_h, kolmogorov_smirnov, total_variation

Array = NDArray[np.float64]
Test = tuple[str, str]
"""Kind of test and column."""
FEWEST_BLOCKS = 8
SIZES = (1, 4, 16, 64, 256)
"""Batch sizes, in blocks, with computed thresholds; in between they are interpolated."""
DRAWS = 1000
USUAL = 0.95
"""The quantile of a test under the null hypothesis that is its unit."""


@dataclass(frozen=True)
class Counted:
    """A reference's rows by block; B is the number of blocks."""

    rows: Array
    """Shape (B,)."""
    numeric: Mapping[str, Array] = field(default_factory=dict)
    """Column -> rows by bin, shape (B, bins)."""
    categorical: Mapping[str, Array] = field(default_factory=dict)
    missing: Mapping[str, Array] = field(default_factory=dict)
    """Column -> rows without a value, shape (B,)."""
    unseen: Mapping[str, Array] = field(default_factory=dict)
    """Column -> rows whose level occurs in no other block, shape (B,)."""


def thresholds(counted: Counted, rate: float, seed: int = 7) -> dict[Test, list[float]]:
    """Return for each test a threshold by size of the batch; `sizes_for` names the sizes.

    Volume is a separate family. A batch like the reference exceeds any threshold of a family with
    probability `rate`.
    """
    blocks = len(counted.rows)
    random = np.random.default_rng(seed)
    draws = max(DRAWS, math.ceil(20 / rate))
    even = np.full(blocks, 1 / blocks)

    def drawn_blocks(size: int) -> _Drawn:
        # The matrices are small: more threads would only wait for each other.
        with threadpool_limits(1, user_api="blas"):
            return _drawn(counted, random.multinomial(size, even, size=draws).astype(np.float64))

    reference = drawn_blocks(blocks)
    limits: dict[Test, list[float]] = {}
    for size in sizes_for(blocks):
        batch = drawn_blocks(size)
        rare = random.poisson(0.5 * size / blocks, size=draws)
        drawn = _tests(reference, batch, rare)
        volume = {test: drawn.pop(test) for test in [("volume", "")]}
        for tests in (drawn, volume):
            wider = widened(rate, len(tests), blocks)
            for test, limit in family(tests, rate).items():
                limits.setdefault(test, []).append(limit * wider)
    return limits


def widened(rate: float, tests: int, blocks: int) -> float:
    """Return the factor that widens a limit, since the spread itself is only estimated.

    Resampling B blocks shows (B - 1) / B of the population's variance, with an error that the
    maximum of many tests picks up: Student's t replaces the normal (Efron and Tibshirani 1993,
    chapter 12), at the rate of each single test.

    >>> round(widened(0.05, 50, 90), 3), round(widened(0.05, 50, 900), 3)
    (1.04, 1.004)
    """
    from scipy.stats import norm, t

    tail = rate / (2 * max(tests, 1))
    return float(t.isf(tail, blocks - 1) / norm.isf(tail) * math.sqrt(blocks / (blocks - 1)))


def sizes_for(blocks: int) -> list[int]:
    """Return the batch sizes, in blocks, for which thresholds are computed."""
    return [size for size in SIZES if size <= 2 * blocks]


def family(drawn: Mapping[Test, Array], rate: float) -> dict[Test, float]:
    """Return one threshold for each test, so that some test exceeds its own in `rate` of draws.

    `drawn` holds each test's values under the null hypothesis, shape (draws,), draws matching.
    """
    units = {test: _unit(values) for test, values in drawn.items()}
    ratios = [values / units[test] for test, values in drawn.items() if units[test] > 0]
    if not ratios:
        return dict.fromkeys(drawn, 0.0)
    limit = float(np.quantile(np.max(ratios, axis=0), 1 - rate, method="higher"))
    return {test: limit * unit for test, unit in units.items()}


def at_size(limits: list[float], size: float, blocks: int) -> float:
    """Return a threshold for a batch of `size` blocks, scaled by its standard error.

    Between the computed sizes the ratio to sqrt(1 / size + 1 / blocks) is interpolated.
    """
    sizes = sizes_for(blocks)
    left = [x / math.sqrt(1 / s + 1 / blocks) for x, s in zip(limits, sizes, strict=True)]
    size = max(size, 1.0)
    between = float(np.interp(math.log(size), np.log(sizes), left))
    return between * math.sqrt(1 / size + 1 / blocks)


@dataclass(frozen=True)
class _Drawn:
    """Sums over drawn blocks, one for each draw."""

    blocks: Array
    """Number of blocks, shape (draws,)."""
    sums: Counted
    """The counts of a reference, summed: (draws,) or (draws, bins)."""


def _drawn(counted: Counted, weights: Array) -> _Drawn:
    """Return the sums of blocks; `weights` is how often each is drawn, shape (draws, B)."""

    def summed(counts: Mapping[str, Array]) -> dict[str, Array]:
        return {name: weights @ array for name, array in counts.items()}

    sums = Counted(
        np.maximum(weights @ counted.rows, 1.0),
        summed(counted.numeric),
        summed(counted.categorical),
        summed(counted.missing),
        summed(counted.unseen),
    )
    return _Drawn(weights.sum(axis=1), sums)


def _tests(reference: _Drawn, batch: _Drawn, rare: NDArray[np.int64]) -> dict[Test, Array]:
    """Return every test's values; `rare` are events that the reference may have missed by chance.

    A share of 0 in the reference is treated as half an event in as many rows.
    """
    now, then = batch.sums, reference.sums
    effects: dict[Test, Array] = {}
    for name, counts in now.numeric.items():
        effects["numeric", name] = kolmogorov_smirnov(counts, then.numeric[name])
    for name, counts in now.categorical.items():
        effects["categorical", name] = total_variation(counts, then.categorical[name])
    for name, counts in now.missing.items():
        share = np.minimum((counts + rare) / now.rows, 1.0)
        effects["missing", name] = np.abs(cohens_h(share, then.missing[name] / then.rows))
    for name, counts in now.unseen.items():
        effects["unseen", name] = np.minimum((counts + rare) / now.rows, 1.0)
    ratio = (now.rows / batch.blocks) / (then.rows / reference.blocks)
    effects["volume", ""] = np.abs(np.log(ratio))
    return effects


def _unit(values: Array) -> float:
    usual = float(np.quantile(values, USUAL, method="higher"))
    return usual if usual > 0 else float(values.max())
