"""The order of batches: natural, or by a date format."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from ml_assets.errors import SpecError
from ml_assets.spec.calendar import Calendar, Named, spelled
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
    assert Calendar(name="month", order=order).period(batch) == wanted


def test_a_batch_without_a_date_has_no_period() -> None:
    assert MONTH.period("2024-01") is None
    dated = Calendar(name="month", order="%Y-%m")
    assert (dated.period("x"), dated.period("9999-12")) == (None, None)


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
