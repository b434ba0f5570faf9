"""Policies on matrices that were made by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.operations.replay.matrix import Loss, Matrix, Trained
from ml_assets.operations.replay.policies import (
    Outcome,
    Past,
    Setting,
    always,
    drifted,
    every,
    fixed,
    hindsight,
    never,
    outcome,
    simulated,
    slope,
    stale,
    worse,
)

ROWS = 100
FIRST = 2
"""How many batches the first model needs."""


def matrix(size: int, mean: Callable[[int, int], float], test: float = 1.0) -> Matrix:
    """Return a matrix of batches b0, b1, … of 100 rows; `mean` is of a model and a place."""
    names = [f"b{place}" for place in range(size)]
    models = {
        number: Trained(
            number,
            names[number - 1],
            "linear",
            Loss(ROWS, ROWS * test),
            {names[p]: Loss(ROWS, ROWS * mean(number, p)) for p in range(number, size)},
            1.0,
        )
        for number in range(FIRST, size + 1)
    }
    return Matrix(names, models, {})


def setting(
    size: int = 8,
    mean: Callable[[int, int], float] = lambda number, place: 1.0 + 0.1 * (place - number),
    **options: float,
) -> Setting:
    """Return a setting in which each batch of age costs 0.1 a row, that is 10 a batch."""
    given = {"delay": 0, "price": 25.0, "warm_up": 2, **options}
    drift = lambda number, place: 0.5 + 0.1 * (place - number)  # noqa: E731
    return Setting(matrix(size, mean), drift, **given)  # type: ignore[arg-type]


def trained(found: Outcome) -> list[int]:
    return list(found.trained)


def test_which_batches_are_served_and_compared() -> None:
    found = setting()
    assert [found.served, found.first, found.judged] == [[2, 3, 4, 5, 6, 7], [2, 3], [4, 5, 6, 7]]
    assert [found.fresh(place) for place in (1, 2, 5)] == [0, 2, 5]
    late = setting(delay=2)
    assert late.served == [4, 5, 6, 7]
    assert [late.fresh(place) for place in (3, 4, 7)] == [0, 2, 5]


def test_never_always_and_cadences_by_hand() -> None:
    found = setting()
    places = found.judged
    assert simulated(found, places, never) == Outcome([4, 4, 4, 4], [], 460.0, 400, 460.0)
    assert simulated(found, places, always) == Outcome([4, 5, 6, 7], [5, 6, 7], 400.0, 400, 475.0)
    assert simulated(found, places, every(2)) == Outcome([4, 4, 6, 6], [6], 420.0, 400, 445.0)
    assert trained(simulated(found, places, every(3))) == [7]
    assert hindsight(found, places) == simulated(found, places, every(2))


def test_the_price_decides_whether_always_wins() -> None:
    cheap, dear = setting(price=1.0), setting(price=1000.0)
    assert trained(hindsight(cheap, cheap.judged)) == [5, 6, 7]
    assert trained(hindsight(dear, dear.judged)) == []
    assert trained(simulated(cheap, cheap.judged, stale)) == [5, 6, 7]
    assert trained(simulated(dear, dear.judged, stale)) == []


def test_the_cost_of_age_is_learned_and_gives_the_best_cadence() -> None:
    found = setting(size=22, price=55.0)
    assert slope(Past(found, 4, 4, [], [4])) == pytest.approx(0.1)
    # By hand: with a cadence of k, a cycle costs 5 k (k - 1) for its age and 55 for its training.
    assert trained(simulated(found, found.judged, stale)) == [7, 10, 13, 16, 19]
    assert simulated(found, found.judged, stale) == simulated(found, found.judged, every(3))
    costs = {n: simulated(found, found.judged, every(n)).cost for n in range(1, 18)}
    assert min(costs, key=lambda n: costs[n]) == 3
    better = setting(mean=lambda number, place: 1.0 - 0.1 * (place - number), price=0.0)
    assert trained(simulated(better, better.judged, stale)) == []


def test_limits_are_fixed_on_the_first_batches() -> None:
    # The drift of a model of age a is 0.5 + 0.1 a, and each batch of age costs 10.
    free = setting(price=0.0, warm_up=3)
    assert fixed(free, "drift") == pytest.approx(0.5)
    assert trained(simulated(free, free.judged, drifted(0.5))) == [7]
    assert trained(simulated(free, free.judged, drifted(0.49))) == [6, 7]
    assert fixed(setting(price=1000.0), "drift") is None
    assert fixed(setting(price=1000.0), "loss") is None


def test_a_loss_above_test_trains_once_its_labels_have_come() -> None:
    shock = lambda number, place: 2.0 if place >= 5 > number else 1.0  # noqa: E731
    found = setting(mean=shock)
    assert trained(simulated(found, found.judged, worse(0.5))) == [6]
    late = setting(size=9, mean=shock, delay=1)
    # Labels of 5 come after 6 was served, so that 7 is the first with a model that knows better.
    assert late.judged == [5, 6, 7, 8]
    assert trained(simulated(late, late.judged, worse(0.5))) == [7]
    assert simulated(late, late.judged, worse(0.5)).models == [4, 4, 6, 6]


def test_batches_without_labels_are_not_compared() -> None:
    made = matrix(6, lambda _number, _place: 1.0)
    models = {
        number: Trained(
            one.number,
            one.batch,
            one.family,
            one.test,
            {batch: Loss(0, 0.0) if batch == "b4" else loss for batch, loss in one.later.items()},
            1.0,
        )
        for number, one in made.models.items()
    }
    found = Setting(Matrix(made.batches, models, {}), lambda _m, _p: None, warm_up=1)
    assert found.served == [2, 3, 5]
    assert simulated(found, found.judged, always).rows == 200
    assert trained(simulated(found, found.judged, drifted(0.0))) == []


@given(
    st.lists(st.integers(0, 9), min_size=28, max_size=28),
    st.integers(0, 12),
    st.integers(0, 2),
)
def test_no_sequence_of_trainings_costs_less_than_the_best(
    losses: Sequence[int], price: int, delay: int
) -> None:
    found = setting(7, lambda m, p: losses[(m * 7 + p) % 28] / ROWS, delay=delay, price=price)
    places = found.served
    best = hindsight(found, places)
    costs = []
    for choice in product((False, True), repeat=len(places) - 1):
        models, at = [found.fresh(places[0])], []
        for place, train in zip(places[1:], choice, strict=True):
            models.append(found.fresh(place) if train else models[-1])
            at += [place] if models[-1] != models[-2] else []
        costs.append(outcome(found, places, models, at).cost)
    assert best.cost == pytest.approx(min(costs))
    rules = [never, always, every(2), drifted(0.6), worse(0.1), stale]
    assert all(simulated(found, places, r).cost >= best.cost - 1e-9 for r in rules)
