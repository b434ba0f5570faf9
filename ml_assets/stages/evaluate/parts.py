"""Rows in groups: tenths by a value, periods of time.

Belongs here: grouping shared by several sections. Does not belong here: figures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.train.encode import Array

MOST_DAYS = 45
MOST_WEEKS = 60


def tenths(values: Array) -> NDArray[np.int64]:
    """Return each row's group (n,), of at most ten of similar size, equal values together."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 11)[1:-1]))
    group = np.searchsorted(edges, values, side="right")
    return np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.int64)


def periods(time: NDArray[np.datetime64]) -> tuple[str, list[str], NDArray[np.int64]]:
    """Return the kind of period, the first day of each, and each row's period (n,), -1: no time.

    Days if there are at most 45, otherwise weeks (from Monday) if at most 60, otherwise months.
    """
    known = ~np.isnat(time)
    days = time[known].astype("datetime64[D]")
    # Day 0, 1970-01-01, is a Thursday.
    weeks = (days.astype(np.int64) + 3) // 7 * 7 - 3
    kind, start = "day", days
    if len(np.unique(days)) > MOST_DAYS:
        kind, start = "week", weeks.astype("datetime64[D]")
        if len(np.unique(weeks)) > MOST_WEEKS:
            kind, start = "month", days.astype("datetime64[M]").astype("datetime64[D]")
    starts, place = np.unique(start, return_inverse=True)
    group = np.full(len(time), -1, dtype=np.int64)
    group[known] = place
    return kind, [str(day) for day in starts], group


def quantiles(values: Array, group: NDArray[np.int64], count: int) -> list[list[float]]:
    """Return the 10, 25, 50, 75 and 90 % quantiles of values (n,) in each of `count` groups."""
    wanted = [0.1, 0.25, 0.5, 0.75, 0.9]
    order = np.argsort(group, kind="stable")
    order = order[group[order] >= 0]
    bounds = np.searchsorted(group[order], np.arange(1, count))
    parts = np.split(values[order], bounds)
    return [[float(q) for q in np.quantile(part, wanted)] for part in parts]


def means(values: Array, group: NDArray[np.int64], count: int) -> list[float]:
    """Return the mean of each group, none of them empty; rows of group -1 are left out.

    >>> means(np.array([1.0, 3.0, 9.0]), np.array([0, 0, -1]), 1)
    [2.0]
    """
    kept = group >= 0
    total = np.bincount(group[kept], values[kept], minlength=count)
    return [float(v) for v in total / np.bincount(group[kept], minlength=count)]
