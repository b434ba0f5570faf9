"""The rows of a batch are of the time that its name says."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from ml_assets.spec.calendar import Calendar
from ml_assets.spec.dataset import PeriodSpec
from ml_assets.stages.check.batch_period import check
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given

JANUARY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def verdict(times: pa.Array, name: str = "2024-01", order: str = "%Y-%m") -> Check:
    """Check a batch of one column."""
    period = Calendar(name="month", order=order).span(name)
    spec = PeriodSpec(dataset="sales", time="at", period=period)
    return check(spec, cleaned=given(pa.table({"at": times}))).checks[0]


def dates(*days: int | None) -> pa.Array:
    """Return days from the first of January on."""
    at = [None if day is None else (JANUARY + day * dt.timedelta(days=1)).date() for day in days]
    return pa.array(at, pa.date32())


def stamps(*hours: int) -> pa.Array:
    """Return hours from the beginning of January on."""
    at = [JANUARY + hour * dt.timedelta(hours=1) for hour in hours]
    return pa.array(at, pa.timestamp("us", "UTC"))


def test_a_month_of_its_own_days_is_green() -> None:
    found = verdict(dates(*range(31), None))
    assert (found.passed, found.metadata) == (True, {"rows": 31, "outside": 0})
    assert found.description == (
        "0 of 31 rows lie outside 2024-01-01 to 2024-02-01, at most 5 % is allowed"
    )


def test_a_twentieth_may_lie_outside_and_no_more() -> None:
    assert verdict(dates(*range(19), 31)).passed
    found = verdict(dates(*range(18), 31, -1))
    assert (found.passed, found.severity) == (False, "warn")
    assert found.metadata == {"rows": 20, "outside": 2}
    assert found.description == (
        "2 of 20 rows lie outside 2024-01-01 to 2024-02-01 (from 2023-12-31 to 2024-02-01), "
        "at most 5 % is allowed; is 'at' right, and the file's name?"
    )


@pytest.mark.parametrize(("hour", "passed"), [(-14, True), (-15, False), (35, True), (36, False)])
def test_a_day_is_one_by_the_clock_of_any_zone(hour: int, passed: bool) -> None:
    assert verdict(stamps(hour), "20240101", "%Y%m%d").passed is passed


@pytest.mark.parametrize(("hour", "passed"), [(4, False), (5, True), (28, True), (29, False)])
def test_a_day_is_one_by_the_clock_of_its_zone(hour: int, passed: bool) -> None:
    calendar = Calendar(name="day", period="day", zone="America/New_York")
    spec = PeriodSpec(
        dataset="sales", time="at", period=calendar.span("2024-01-01"), zone=calendar.zone
    )
    found = check(spec, cleaned=given(pa.table({"at": stamps(hour)}))).checks[0]
    assert found.passed is passed
    assert "lie outside 2024-01-01 to 2024-01-02 (America/New_York)" in found.description


def test_dates_have_no_zone() -> None:
    assert verdict(dates(1), "20240101", "%Y%m%d").passed is False


def test_no_rows_are_green() -> None:
    assert verdict(dates()).passed


def test_the_first_year_there_is() -> None:
    assert verdict(stamps(0), "0001-01").passed is False


def test_not_applicable() -> None:
    assert verdict(dates(400), order="natural").passed is None
    spec = PeriodSpec(dataset="sales", time=None, period=None)
    found = check(spec, cleaned=given(pa.table({"a": [1]}))).checks[0]
    assert (found.passed, found.description) == (None, "the dataset has no `time`")
