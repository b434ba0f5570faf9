"""Alarms over time: has a figure that is known by day changed?

Belongs here: evidence against "all days are alike", and which of many columns to name. Does not
belong here: the figures of a day.

A day's conformal p-value is its rank among all days so far (V. Vovk, A. Gammerman, G. Shafer,
Algorithmic Learning in a Random World, 2005, chapter 7). If the days are exchangeable, p-values
are independent and uniform, and who bets against that expects to win nothing: the capital is a
martingale that starts at 1 and ever reaches 1 / rate with a probability of at most `rate` (J.
Ville, 1939), however often one looks. The bets are those of the Simple Jumper (V. Vovk, I.
Petej, I. Nouretdinov, E. Ahlberg, L. Carlsson, A. Gammerman, Retrain or not retrain: conformal
test martingales for change-point detection, COPA 2021). Many columns: e-BH (R. Wang, A. Ramdas,
False discovery rate control with e-values, JRSS B 84, 2022), whatever their dependence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SLOPES = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
"""A bet multiplies the capital by 1 + slope * (p - 1/2): below 0 on high figures."""
JUMP = 0.001
"""How much of the capital is spread anew over the slopes each day. The paper has 0.01 and slopes of
-1, 0, 1; these find a shift as soon, and days that depend on the day before alarm less often."""


def p_values(
    values: Array,
    *,
    reference: Array | None = None,
    season: Sequence[object] | None = None,
    seed: int = 7,
) -> Array:
    """Return each day's share of days so far with a higher figure, ties broken at random.

    `values` (n,) are in order of time, and NaN for a day without a figure, as is its p-value.
    `reference` (m,) are days before. `season` names the season of each of the m + n days: a day is
    compared with days of its own season alone (Mondrian conformal prediction, §4.5 of the book).
    Raise ValueError if there is not one season for each day.
    """
    before = np.empty(0) if reference is None else np.asarray(reference, dtype=np.float64)
    every = np.concatenate([before, np.asarray(values, dtype=np.float64)])
    named = np.zeros(len(every), dtype=np.int64)
    if season is not None:
        if len(season) != len(every):
            raise ValueError(
                f"`season` names {len(season):,} days; there are {len(before):,} of the reference "
                f"and {len(values):,} after it, wanted one season for each"
            )
        order = {name: place for place, name in enumerate(dict.fromkeys(season))}
        named = np.array([order[name] for name in season], dtype=np.int64)
    chance = np.random.default_rng(seed).random(len(every))
    p = np.full(len(every), np.nan)
    for one in np.unique(named):
        days = np.flatnonzero((named == one) & np.isfinite(every))
        for count, day in enumerate(days[days >= len(before)], int((days < len(before)).sum())):
            known = every[days[: count + 1]]
            above, same = (known > every[day]).sum(), (known == every[day]).sum()
            p[day] = (above + chance[day] * same) / (count + 1)
    return p[len(before) :]


def log_capital(p: Array) -> Array:
    """Return the natural logarithm of the capital after each day; nothing is bet on a NaN.

    >>> np.round(np.exp(log_capital(np.array([0.0, np.nan, 0.0]))), 1)
    array([1. , 1. , 1.5])
    """
    capital = np.full(len(SLOPES), 1 / len(SLOPES))
    total, path = 0.0, np.empty(len(p))
    for day, value in enumerate(p):
        if not math.isnan(value):
            capital = (1 - JUMP) * capital + JUMP / len(SLOPES)
            capital = capital * (1 + SLOPES * (value - 0.5))
            grown = float(capital.sum())
            total, capital = total + math.log(grown), capital / grown
        path[day] = total
    return path


def martingale(
    values: Array,
    *,
    reference: Array | None = None,
    season: Sequence[object] | None = None,
    seed: int = 7,
) -> Array:
    """Return the natural logarithm of the martingale after each day (n,); see `p_values`."""
    return log_capital(p_values(values, reference=reference, season=season, seed=seed))


def alarm_at(
    values: Array,
    rate: float,
    *,
    reference: Array | None = None,
    season: Sequence[object] | None = None,
    seed: int = 7,
) -> int | None:
    """Return the first day at which the capital has reached 1 / rate, or None."""
    reached = martingale(values, reference=reference, season=season, seed=seed) >= -math.log(rate)
    return int(reached.argmax()) if reached.any() else None


def e_bh(e_values: Array, rate: float) -> NDArray[np.int64]:
    """Return which hypotheses to reject: on average at most `rate` of the rejected are true.

    An e-value (the capital of a column) has a mean of at most 1 if its hypothesis is true. Of K,
    the k largest are rejected, for the largest k of which each is at least K / (k * rate).

    >>> e_bh(np.array([1.0, 70.0, 35.0, 0.2]), 0.05)
    array([], dtype=int64)
    >>> e_bh(np.array([1.0, 80.0, 45.0, 0.2]), 0.05)
    array([1, 2])
    """
    values = np.asarray(e_values, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    ranks = np.arange(1, len(values) + 1)
    enough = np.flatnonzero(ranks * values[order] >= len(values) / rate)
    return np.sort(order[: enough[-1] + 1]) if len(enough) else np.empty(0, dtype=np.int64)
