"""Block bootstrap: the sums by block give what a pass over the drawn rows gives."""

from __future__ import annotations

import numpy as np
import pytest

from ml_assets.spec.metrics import METRICS
from ml_assets.stages import metrics
from ml_assets.stages.evaluate import bootstrap

RNG = np.random.default_rng(3)
ROWS = 240
DAYS = np.datetime64("2013-01-01", "us") + np.arange(ROWS).astype("timedelta64[h]") * 6
Y = RNG.normal(size=ROWS) + 50
P = Y + RNG.normal(size=ROWS)
ONES = RNG.integers(0, 2, ROWS).astype(float)
CHANCE = np.clip(0.3 * ONES + 0.7 * RNG.random(ROWS), 0, 1)
CLASSES, SHARES = RNG.integers(0, 3, ROWS).astype(float), RNG.dirichlet([1, 1, 1], ROWS)
WHOLE = np.zeros(ROWS, dtype=np.int64)
NUMBERS = {"pinball": "pinball_0.9", "recall_at_precision": "recall_at_precision_0.6"}
CASES = [
    *(("regression", NUMBERS.get(name, name), Y, P) for name in METRICS["regression"]),
    *(("binary", NUMBERS.get(name, name), ONES, CHANCE) for name in METRICS["binary"]),
    *(("multiclass", name, CLASSES, SHARES) for name in METRICS["multiclass"]),
]


@pytest.mark.parametrize(("task", "name", "target", "prediction"), CASES)
def test_equals_the_metric_on_the_drawn_rows(
    task: str, name: str, target: metrics.Array, prediction: metrics.Array
) -> None:
    draws = bootstrap.draw(DAYS, "day", 20, seed=1)
    found = bootstrap.distribution(name, target, prediction, draws, WHOLE, 1)[:, 0]
    for number in range(20):
        times = draws.counts[number, draws.block].astype(int)
        rows = np.repeat(np.arange(ROWS), times)
        wanted = metrics.function(task, name)(target[rows], prediction[rows])
        # The median of an even number of rows lies between two of them.
        assert found[number] == pytest.approx(wanted, rel=0.05 if name == "median_ae" else 1e-9)


@pytest.mark.parametrize("name", ["mae", "r2", "median_ae"])
def test_groups_are_taken_apart(name: str) -> None:
    draws = bootstrap.draw(DAYS, "day", 20, seed=1)
    group = np.arange(ROWS) % 2
    both = bootstrap.distribution(name, Y, P, draws, group, 2)
    odd = group == 1
    alone = bootstrap.distribution(name, Y[odd], P[odd], draws.of(odd), WHOLE[odd], 1)
    assert both[:, 1] == pytest.approx(alone[:, 0], rel=0.02)


def test_days_are_the_blocks_and_draws_are_seeded() -> None:
    draws = bootstrap.draw(DAYS, "day", 100, seed=1)
    assert draws.counts.shape == (100, 60)
    assert (draws.counts.sum(axis=1) == 60).all()
    assert draws.block.tolist() == sorted(draws.block.tolist())
    assert draws.note == "60 days drawn with replacement, 100 times"
    assert (draws.counts == bootstrap.draw(DAYS, "day", 100, seed=1).counts).all()
    assert (draws.counts != bootstrap.draw(DAYS, "day", 100, seed=2).counts).any()


def test_rows_are_the_blocks_where_asked_or_where_no_days_are_known() -> None:
    nowhere = np.full(4, np.datetime64("NaT"), dtype="datetime64[us]")
    for time, kind in ((DAYS[:4], "row"), (nowhere, "day"), (DAYS[:3], "day")):
        draws = bootstrap.draw(time, kind, 100, seed=1)
        assert draws.block.tolist() == list(range(len(time)))
        assert "rows drawn" in draws.note
        assert "with so few rows the intervals are rough" in draws.note


def test_a_row_without_time_is_a_block_of_its_own() -> None:
    time = DAYS[:10].copy()
    time[3] = np.datetime64("NaT")
    assert bootstrap.draw(time, "day", 100, 1).block.tolist() == [0, 0, 0, 3, 1, 1, 1, 1, 2, 2]


def test_many_blocks_are_put_together_and_the_variance_stays() -> None:
    values = RNG.normal(size=10_000)
    time = np.full(10_000, np.datetime64("NaT"), dtype="datetime64[us]")
    draws = bootstrap.draw(time, "row", 2000, seed=1)
    assert draws.counts.shape == (2000, bootstrap.MOST_BLOCKS)
    assert "in 2,000 random groups" in draws.note
    sums = draws.sums(values, np.zeros(10_000, dtype=np.int64), 1)
    assert sums.std() == pytest.approx(np.sqrt(10_000) * values.std(), rel=0.1)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        errors = draw.exponential(size=60).repeat(4)  # four alike rows a day
        draws = bootstrap.draw(DAYS, "day", 200, seed)
        found = bootstrap.distribution("mae", errors, np.zeros(ROWS), draws, WHOLE, 1)[:, 0]
        low, high = bootstrap.interval(found, 0.9) or (0.0, 0.0)
        held += low <= 1.0 <= high
    assert 0.83 <= held / 200 <= 0.95


def test_no_interval_without_values() -> None:
    draws = bootstrap.draw(DAYS, "day", 100, seed=1)
    ones = np.ones(ROWS)
    assert (
        bootstrap.interval(bootstrap.distribution("auc", ones, CHANCE, draws, WHOLE, 1)[:, 0], 0.95)
        is None
    )
    assert np.isnan(bootstrap.distribution("r2", ones, P, draws, WHOLE, 1)).all()
    found = bootstrap.distribution("median_ae", Y, P, draws, WHOLE, 2)
    assert np.isnan(found[:, 1]).all()
