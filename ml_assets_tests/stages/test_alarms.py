"""Alarms over time: the capital by hand, the rate kept, a planted shift found."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as some

from benchmarks.alarms import alarmed, days
from ml_assets.stages.evaluate.coverage import exact
from ml_assets.stages.monitor import alarms

SHARES = some.lists(some.floats(0, 1), min_size=1, max_size=3)


@settings(max_examples=20)
@drawn(SHARES)
def test_the_capital_is_the_mean_over_all_ways_to_jump(p: list[float]) -> None:
    """As the definition has it: each day a strategy jumps to a random slope, or stays."""
    slopes, total = list(alarms.SLOPES), 0.0
    for path in itertools.product(slopes, repeat=len(p) + 1):
        chance = 1 / len(slopes)
        for before, after in itertools.pairwise(path):
            chance *= alarms.JUMP / len(slopes) + (1 - alarms.JUMP) * (before == after)
        won = math.prod(1 + e * (x - 0.5) for e, x in zip(path[1:], p, strict=True))
        total += chance * won
    assert alarms.log_capital(np.array(p))[-1] == pytest.approx(math.log(total), abs=1e-9)


def test_p_values_are_ranks_among_the_days_so_far() -> None:
    found = alarms.p_values(np.array([5.0, np.nan, 9.0, 1.0]), reference=np.array([4.0, 7.0]))
    assert np.isnan(found[1])
    # A third of the days so far is above 5, none above 9, all others above 1.
    for value, above, count in ((found[0], 1, 3), (found[2], 0, 4), (found[3], 4, 5)):
        assert above / count <= value <= (above + 1) / count


def test_a_day_is_compared_with_its_own_season() -> None:
    weekend = [number % 7 >= 5 for number in range(140)]
    values = np.where(weekend, 10.0, 0.0) + np.random.default_rng(3).normal(size=140)
    by_season = alarms.p_values(values, season=weekend)
    ours, alone = by_season[np.array(weekend)], alarms.p_values(values[np.array(weekend)])
    # Random numbers that break ties differ; ranks do not.
    assert np.abs(ours - alone)[20:].max() <= 1 / 20
    with pytest.raises(ValueError, match="names 3 days; there are 0 of the reference and 140"):
        alarms.p_values(values, season=[1, 2, 3])


def test_a_constant_figure_is_no_alarm_and_no_day_neither() -> None:
    assert alarms.alarm_at(np.full(400, 7.0), 0.05) is None
    assert alarms.alarm_at(np.empty(0), 0.05) is None
    assert np.array_equal(alarms.martingale(np.full(5, np.nan)), np.zeros(5))


def test_a_gap_in_the_days_changes_nothing_after_it() -> None:
    values = np.random.default_rng(1).normal(size=40)
    gap = np.concatenate([values[:20], np.full(9, np.nan), values[20:]])
    capital = np.delete(alarms.martingale(gap), np.arange(20, 29))
    p, q = alarms.p_values(gap), alarms.p_values(values)
    assert np.array_equal(p[:20], q[:20])
    # Ties apart, ranks are those of the days that have a figure.
    assert np.abs(np.delete(p, np.arange(20, 29)) - q).max() <= 1 / 20
    assert len(capital) == 40


def test_exchangeable_days_alarm_at_most_at_the_stated_rate() -> None:
    found = sum(alarmed(days(60, seed), 0.2) is not None for seed in range(200))
    assert exact(found, 200, 0.99)[0] <= 0.2


def test_a_planted_shift_is_found_within_two_weeks() -> None:
    found = [alarmed(days(120, seed, shift=3.0, at=60), 0.05) for seed in range(10)]
    after = [day for day in found if day is not None and day >= 60]
    # One stream has its alarm before: a false one, of which 5 % are stated.
    assert len(after) == 9
    assert max(after) < 60 + 18


def test_who_looks_at_many_columns_names_the_shifted_one() -> None:
    columns = [days(120, seed, shift=3.0 if seed == 4 else 0.0, at=60) for seed in range(20)]
    capital = np.array([math.exp(alarms.martingale(values)[-1]) for values in columns])
    assert alarms.e_bh(capital, 0.05).tolist() == [4]


@drawn(some.lists(some.floats(0, 1e6), max_size=8), some.sampled_from([0.05, 0.2]))
def test_e_bh_rejects_the_most_that_are_each_large_enough(values: list[float], rate: float) -> None:
    rejected = alarms.e_bh(np.array(values), rate)
    ordered = sorted(values, reverse=True)
    fits = [k for k in range(1, len(values) + 1) if k * ordered[k - 1] >= len(values) / rate]
    assert len(rejected) == max(fits, default=0)
    assert sorted((values[k] for k in rejected), reverse=True) == ordered[: len(rejected)]
