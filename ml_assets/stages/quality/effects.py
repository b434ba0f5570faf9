"""Effect sizes between two distributions, from counts by bin; along the last axis.

Belongs here: the measures. Does not belong here: thresholds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def shares(counts: Array) -> Array:
    """Return counts (…, bins) as shares of their sum; zeros if the sum is 0."""
    total = counts.sum(axis=-1, keepdims=True)
    fractions: Array = counts / np.maximum(total, 1.0)
    return fractions


def kolmogorov_smirnov(first: Array, second: Array) -> Any:
    """Return the largest difference of the shares up to any bin, 0 to 1.

    The two-sample statistic of N. Smirnov, 1948, on counts of shape (…, bins), bins in order. 0
    if either side has no rows.
    """
    gap = np.abs(np.cumsum(shares(first), axis=-1) - np.cumsum(shares(second), axis=-1))
    return np.where(_both(first, second), gap.max(axis=-1), 0.0)


def total_variation(first: Array, second: Array) -> Any:
    """Return half the sum of the absolute differences of shares, 0 to 1: the share that moved.

    The total variation distance, of counts of shape (…, bins) in any order.
    """
    gap = np.abs(shares(first) - shares(second)).sum(axis=-1) / 2
    return np.where(_both(first, second), gap, 0.0)


def cohens_h(first: Any, second: Any) -> Any:
    """Return the difference of two shares on the arcsine scale, signed, within ±π.

    0.2 is small, 0.5 medium, 0.8 large: J. Cohen, Statistical Power Analysis for the
    Behavioral Sciences, 1988, chapter 6.
    """
    return 2 * np.arcsin(np.sqrt(first)) - 2 * np.arcsin(np.sqrt(second))


def _both(first: Array, second: Array) -> Any:
    return (first.sum(axis=-1) > 0) & (second.sum(axis=-1) > 0)
