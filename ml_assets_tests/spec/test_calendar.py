"""The order of batches: natural, or by a date format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ml_assets.errors import SpecError
from ml_assets.spec.calendar import Calendar, Named, spelled
from ml_assets.spec.cut import PERIODS
from ml_assets.spec.project import read_project
from ml_assets_tests.projects import SALES, write_project

MONTH = Calendar(name="month")


@pytest.mark.parametrize(
    "order",
    [
        ["8", "9", "10", "11"],
        ["2024-7", "2024-8", "2024-9", "2024-10", "2024-11"],
        ["2013-01", "2013-02", "2013-12", "2014-01"],
        ["2024-W9", "2024-W10", "2024-W10b"],
        ["", "1", "a", "a1", "a1b", "a2"],
    ],
)
def test_digits_count_as_numbers(order: list[str]) -> None:
    assert MONTH.sorted(reversed(order)) == order


def test_a_date_format_gives_the_order() -> None:
    calendar = Calendar(name="month", order="%b %Y")
    order = ["Nov 2023", "Dec 2023", "Jan 2024", "Apr 2024"]
    assert calendar.sorted(sorted(order)) == order
    assert [calendar.matches(name) for name in ("Jan 2024", "2024-01", "Jan")] == [
        True,
        False,
        False,
    ]
    # Only a withdrawn batch can have another name.
    assert calendar.sorted(["Jan 2024", "2024-02", "10", "9"]) == ["9", "10", "2024-02", "Jan 2024"]


def test_two_names_of_one_place_are_known_and_stand_by_their_text() -> None:
    assert MONTH.place("1") == MONTH.place("01") != MONTH.place("10")
    assert MONTH.sorted(["1", "2", "01"]) == ["01", "1", "2"]
    dated = Calendar(name="month", order="%Y-%m")
    assert dated.place("2024-1") == dated.place("2024-01") != dated.place("2024-2")


@pytest.mark.parametrize(
    ("order", "batch", "start", "stop"),
    [
        ("%Y", "2024", "2024-01-01", "2025-01-01"),
        ("%b %Y", "Dec 2023", "2023-12-01", "2024-01-01"),
        ("%Y%m%d", "20240228", "2024-02-28", "2024-02-29"),
        ("%Y-%j", "2024-366", "2024-12-31", "2025-01-01"),
        ("%G-W%V-%u", "2024-W01-1", "2024-01-01", "2024-01-02"),
        ("%Y-%m-%dT%H", "2024-01-31T23", "2024-01-31T23", "2024-02-01"),
        ("%y %I %p", "24 01 PM", "2024-01-01T13", "2024-01-01T14"),
    ],
)
def test_a_batch_lasts_as_long_as_the_finest_part_of_its_name(
    order: str, batch: str, start: str, stop: str
) -> None:
    wanted = (datetime.fromisoformat(start), datetime.fromisoformat(stop))
    assert Calendar(name="month", order=order).span(batch) == wanted


def test_a_batch_without_a_date_has_no_period() -> None:
    assert MONTH.span("2024-01") is None
    dated = Calendar(name="month", order="%Y-%m")
    assert (dated.span("x"), dated.span("9999-12")) == (None, None)


def test_an_accent_may_be_a_character_of_its_own() -> None:
    assert spelled("e\u0301") == "\u00e9" == spelled("\u00e9")
    assert MONTH.place("e\u0301 1") == MONTH.place("\u00e9 1")


def test_the_short_form_is_the_name() -> None:
    named: TypeAdapter[Calendar] = TypeAdapter(Named)
    assert named.validate_python("month") == MONTH == named.validate_python({"name": "month"})
    assert named.validate_json(MONTH.model_dump_json()) == MONTH


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("alphabetical", "wanted 'natural', or a date format with a year such as '%b %Y'"),
        ("%b", "got '%b', wanted 'natural', or a date format with a year"),
        ("%Y-%Q", "got '%Y-%Q', wanted"),
        ("%%Y", "got '%%Y', wanted"),
        ("%Y %Y", "got '%Y %Y', wanted"),
        ("%Y-W%W", "weeks without a day are all read as one date, write '%G-W%V-%u'"),
    ],
)
def test_an_order_that_is_none(order: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Calendar(name="month", order=order)


def test_datasets_on_one_calendar_agree_on_its_order(tmp_path: Path) -> None:
    write_project(tmp_path)
    path = tmp_path / SALES
    path.write_text(
        path.read_text().replace("calendar: month", "calendar: {name: month, order: '%Y-%m'}")
    )
    with pytest.raises(SpecError) as error:
        read_project(tmp_path / "toy" / "defs")
    assert str(error.value) == (
        f"{path}:5: calendar: order '%Y-%m', but prices on the same calendar has 'natural'; "
        "wanted the same order on all datasets of 'month'"
    )


@pytest.mark.parametrize(
    ("period", "order", "names"),
    [
        ("year", "natural", ["2012", "2013"]),
        ("quarter", "natural", ["2012-Q4", "2013-Q1"]),
        ("month", "natural", ["2012-12", "2013-01"]),
        ("month", "%b %Y", ["Dec 2012", "Jan 2013"]),
        ("week", "natural", ["2012-W52", "2013-W01"]),
        ("week", "%Y-%m-%d", ["2012-12-24", "2012-12-31"]),
        ("day", "natural", ["2012-12-31", "2013-01-01"]),
        ("hour", "natural", ["2012-12-31T23", "2013-01-01T00"]),
    ],
)
def test_a_time_says_its_batch(period: Any, order: str, names: list[str]) -> None:
    calendar = Calendar(name="c", period=period, order=order)
    spans = [calendar.span(name) for name in names]
    (start, middle), (again, stop) = (span for span in spans if span is not None)
    assert again == middle
    moments = [start, middle - timedelta(microseconds=1), middle, stop - timedelta(seconds=1)]
    assert [calendar.batch_of(at) for at in moments] == [names[0]] * 2 + [names[1]] * 2
    assert all(calendar.matches(name) for name in names)
    assert calendar.batch_of(start.date()) == calendar.batch_of(start.replace(hour=0))


def test_a_time_is_by_the_clock_of_the_zone() -> None:
    calendar = Calendar(name="month", period="month", zone="America/New_York")
    assert calendar.batch_of(datetime(2013, 2, 1, 4, 59, tzinfo=UTC)) == "2013-01"
    assert calendar.batch_of(datetime(2013, 2, 1, 5, tzinfo=UTC)) == "2013-02"
    assert calendar.batch_of(datetime(2013, 2, 1)) == "2013-02"
    assert calendar.batch_of(datetime(1, 1, 1, tzinfo=UTC)) is None
    assert MONTH.batch_of(datetime(2013, 2, 1)) is None


@given(st.datetimes(), st.sampled_from(PERIODS))
def test_every_time_lies_in_the_span_of_its_batch(at: datetime, period: Any) -> None:
    calendar = Calendar(name="c", period=period)
    name = calendar.batch_of(at)
    assert name is not None
    assert calendar.matches(name)
    span = calendar.span(name)
    assert span is None or span[0] <= at < span[1]


@pytest.mark.parametrize("name", ["2013-1", "2013-13", "2013", "2013-01-01", " 2013-01", "x"])
def test_a_name_that_is_no_period_does_not_match(name: str) -> None:
    calendar = Calendar(name="c", period="month")
    assert (calendar.matches(name), calendar.span(name)) == (False, None)
    assert not Calendar(name="c", period="week", order="%Y-%m-%d").matches("2013-01-01")


def test_the_name_of_a_calendar_with_a_period_may_be_left_out() -> None:
    named: TypeAdapter[Calendar] = TypeAdapter(Named)
    found = named.validate_python({"period": "day", "zone": "Europe/Berlin"})
    assert found == Calendar(name="day", period="day", zone="Europe/Berlin")
    assert named.validate_python({"name": "shift", "period": "hour"}).name == "shift"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"zone": "Europe/Berlin"}, "zone: is for the times of a period; add 'period', one of"),
        ({"period": "month", "zone": "Berlin"}, "Berlin"),
        ({"period": "fortnight"}, "Input should be 'year', 'quarter', 'month', 'week', 'day'"),
        ({"period": "day", "order": "%b %Y"}, "'%b %Y' does not say which day a batch is of"),
    ],
)
def test_a_period_that_is_none(parts: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Calendar.model_validate({"name": "c", **parts})


def test_a_calendar_without_a_name_or_period() -> None:
    with pytest.raises(ValidationError, match="name: is missing; give the calendar a name, or a"):
        Calendar.model_validate({"order": "%Y"})
