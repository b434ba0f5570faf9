"""Train and validation end where test begins, by the rows' own times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ml_assets.stages.check.fold_order import check
from ml_assets.stages.result import Check
from ml_assets.stages.split import hash as hashed
from ml_assets.stages.split.time import split
from ml_assets_tests.handles import Given, given
from ml_assets_tests.stages.feature_batches import batch, rule

DAY = dt.timedelta(days=1)
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def month(number: int, *also: int | None, rows: int = 20) -> Given:
    """Return a batch of a row a day from day 30 x number on, and rows of some days besides."""
    days = [30 * number + row for row in range(rows)] + list(also)
    keys = [f"{number}-{place}" for place in range(len(days))]
    times = [None if day is None else START + day * DAY for day in days]
    return batch(str(number), keys, times=times)


def verdict(features: Mapping[str, Given], **changes: Any) -> Check:
    """Check a real split into one month of test and one of validation."""
    told = rule(**({"test": 1, "validation": 1} | changes))
    made = (split if told.split.kind == "time" else hashed.split)(told, features=features).outputs
    folds = {name: given(made[name]) for name in ("train", "validation", "test")}
    (found,) = check(told, **folds, features=features).checks
    return found


def months(*numbers: int, **other: Given) -> dict[str, Given]:
    return {f"m{place}": month(number) for place, number in enumerate(numbers)} | other


def test_months_in_their_order_are_green() -> None:
    found = verdict(months(0, 1, 2, 3))
    assert found.passed
    assert found.description == (
        "0 of 60 rows of train and validation are in or after the time of test, "
        "wanted at most 5 % of a batch"
    )
    assert found.metadata == {"rows": 60, "late": 0, "batches": 0}


@pytest.mark.parametrize(
    ("order", "said"),
    [
        # December's rows in January's place.
        ((11, 1, 2, 3), "20 of 20 rows of m0 (train)"),
        ((0, 1, 12, 3), "20 of 20 rows of m2 (validation)"),
        ((3, 4, 1, 2), "20 of 20 rows of m0 (train), 20 of 20 rows of m1 (train)"),
    ],
)
def test_a_batch_of_another_time_is_red(order: Sequence[int], said: str) -> None:
    found = verdict(months(*order))
    assert found.passed is False
    assert found.description.startswith(f"in or after the time of test: {said}; wanted at most 5 %")


def test_one_month_of_many_is_enough() -> None:
    assert verdict(months(*range(30), 99, 31, 32)).passed is False


def test_late_records_and_rows_without_a_time_are_allowed_up_to_the_share() -> None:
    # A record of the first month comes with the last; the second month's last row is of the third.
    features = months(0, 1, 2) | {"m1": month(1, 61), "m2": month(2, 3, None)}
    assert verdict(features).passed
    assert verdict(features, overlap=0.0).passed is False
    # Three of 23 rows of validation are of the time of test.
    features = months(0, 1, 2) | {"m1": month(1, 63, 64, 65)}
    assert verdict(features).passed is False
    assert verdict(features, overlap=0.2).passed


def test_rows_that_were_delivered_again_have_the_place_of_their_first_delivery() -> None:
    again = batch("2", ["0-1", *(f"2-{n}" for n in range(20))], times=[START + 60 * DAY] * 21)
    assert verdict(months(0, 1) | {"m2": again}).passed


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"test": "20%", "validation": "20%"}, "folds are not made of whole batches"),
        ({"kind": "hash", "test": 0.3, "validation": 0.3}, "folds are not made of whole batches"),
    ],
)
def test_folds_that_are_no_whole_batches_are_not_judged(changes: Any, why: str) -> None:
    found = verdict(months(0, 1, 2, 3), **changes)
    assert found.passed is None
    assert found.description.startswith(why)


def test_without_times_nothing_is_judged() -> None:
    features = {name: batch(name, [name]) for name in "abc"}
    assert verdict(features).description.startswith("no row of test has an event time")
