"""A confidence sequence for a mean by betting: valid at every look, however often one looks.

Belongs here: bets, capital, the sequence. Does not belong here: what the values are (`blocks`),
what follows from the sequence (`verdict`).

Against each mean a gambler bets before each value, by the approximate Kelly criterion; if the mean
is right, the chance that the capital ever grows by a factor of 1 / alpha is at most alpha (Ville,
1939). The means against which it has not are the sequence (Waudby-Smith and Ramdas, "Estimating
means of bounded random variables by betting", Journal of the Royal Statistical Society B 86, 2024,
§§ 4.1 and B.2). It holds for any values in [-1, 1] whose mean given those before is the same, and
so for dependent ones too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST = 0.9
"""The share of the capital that is at stake at most: a single value never ends the game."""
STEP = 0.005
MEANS: Array = np.round(np.arange(-1.0 + STEP, 1.0, STEP), 6)
"""The means that are tried: (-1, 1), where 0 is one of them."""


def log_capital(values: Array, means: Array) -> Array:
    """Return (..., n, m): the log capital after each of n values, against each of m means.

    `values` is (..., n), each in [-1, 1]; `means` is (m,), each in (-1, 1). A bet depends on
    earlier values only: their mean and variance, each with one pseudo-observation (1/2 and 1/4 on
    the scale from 0 to 1).
    """
    unit, null = (values + 1.0) / 2.0, (means + 1.0) / 2.0
    mean, variance = _before(unit)
    lead = mean[..., None] - null
    bets = lead / (variance[..., None] + np.square(lead))
    bets = np.clip(bets, -MOST / (1.0 - null), MOST / null)
    return np.cumsum(np.log1p(bets * (unit[..., None] - null)), axis=-2)


def _before(unit: Array) -> tuple[Array, Array]:
    """Return the regularized mean and variance before each value, (..., n)."""
    count = np.arange(1, unit.shape[-1] + 1)
    mean = (0.5 + np.cumsum(unit, axis=-1)) / (count + 1)
    variance = (0.25 + np.cumsum(np.square(unit - mean), axis=-1)) / (count + 1)
    first = np.ones((*unit.shape[:-1], 1))
    return (
        np.concatenate([0.5 * first, mean[..., :-1]], axis=-1),
        np.concatenate([0.25 * first, variance[..., :-1]], axis=-1),
    )


def sequence(values: Array, alpha: float) -> tuple[Array, Array]:
    """Return the lower and upper ends after each of n values, each (n,), in [-1, 1].

    With probability 1 - alpha the mean is between them after every value at once. They only draw
    nearer. Means lie on a grid, so an end is up to `STEP` too far out, never too far in.

    >>> low, high = sequence(np.full(30, -0.5), 0.05)
    >>> float(low[0]), float(high[0])
    (-1.0, 1.0)
    >>> bool(low[-1] <= -0.5 <= high[-1] < 0.0)
    True
    """
    rejected = np.maximum.accumulate(log_capital(values, MEANS), axis=0) >= -np.log(alpha)
    kept = ~rejected
    some = kept.any(axis=1)
    low = np.where(kept[:, 0], -1.0, MEANS[kept.argmax(axis=1)] - STEP)
    last = len(MEANS) - 1 - kept[:, ::-1].argmax(axis=1)
    high = np.where(kept[:, -1], 1.0, MEANS[last] + STEP)
    # If no mean is left, none explains the values; the last ends stand.
    low, high = np.where(some, low, -1.0), np.where(some, high, 1.0)
    return np.maximum.accumulate(low), np.minimum.accumulate(high)
