"""What `landing.batch` says, and which datasets may have it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from ml_assets.engine.recipes.dataset import ingest_spec
from ml_assets.keys.fields import text
from ml_assets.spec.calendar import Calendar
from ml_assets.spec.cut import PERIODS, UNASSIGNED, Cut, cut_of
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project


def _spec(calendar: Any = "month", kind: str = "timestamp", **landing: Any) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "description": "Rows over time.",
            "calendar": calendar,
            "landing": {"pattern": r"rows\.csv", **landing},
            "columns": {"at": {"type": kind}, "shop": {"type": "category"}},
        }
    )


@pytest.mark.parametrize(
    ("period", "names"),
    [
        ("year", ["2023", "2024", "2024"]),
        ("quarter", ["2023-Q4", "2024-Q1", "2024-Q4"]),
        ("month", ["2023-09", "2024-01", "2024-12"]),
        ("week", ["2023-W05", "2024-W01", "2025-W01"]),
        ("day", ["2023-09-30", "2024-01-01", "2024-12-30"]),
        ("hour", ["2023-09-30T23", "2024-01-01T00", "2024-12-30T05"]),
    ],
)
def test_the_names_of_periods_are_in_order_by_nature(period: str, names: list[str]) -> None:
    times = [datetime(2023, 9, 30, 23), datetime(2024, 1, 1), datetime(2024, 12, 30, 5, 59)]
    if period == "quarter":
        times[0] = datetime(2023, 10, 1)
    if period == "week":
        times[0] = datetime(2023, 2, 5)
    assert [Cut("at", period).name(time) for time in times] == names
    calendar = Calendar(name="any")
    assert calendar.sorted(reversed(names)) == sorted(names)
    assert calendar.sorted([*names, UNASSIGNED])[0] == UNASSIGNED


def test_years_have_four_digits() -> None:
    assert [Cut("at", period).name(datetime(7, 8, 9)) for period in PERIODS] == [
        "0007",
        "0007-Q3",
        "0007-08",
        "0007-W32",
        "0007-08-09",
        "0007-08-09T00",
    ]


def test_a_period_of_a_column_or_a_column() -> None:
    assert cut_of("month of at") == Cut("at", "month")
    assert cut_of("day of time of sale") == Cut("time of sale", "day")
    assert cut_of("shop") == Cut("shop")
    with pytest.raises(ValueError, match="got 'mont of at', wanted year, quarter, month"):
        cut_of("mont of at")


@pytest.mark.parametrize("batch", ["month of at", "shop"])
def test_a_dataset_cut_by_a_column(batch: str) -> None:
    assert _spec(batch=batch).landing.cut == cut_of(batch)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"batch": "mnth of at"}, "got 'mnth of at', wanted year, quarter"),
        ({"batch": "month of att"}, "no column 'att'; did you mean 'at'"),
        ({"batch": "month of shop"}, "'shop' is category, wanted timestamp, date"),
        (
            {"batch": "at"},
            "'at' is timestamp, wanted text, category, integer, date; say 'month of'",
        ),
        ({"batch": "hour of at", "kind": "date"}, "'at' is a date and has no hours"),
        ({"batch": "month of at", "calendar": None}, "batches need a calendar"),
        ({"batch": "month of at", "pattern": "(?P<batch>.*)"}, "remove the group 'batch'"),
        ({"whole": True, "pattern": "(?P<batch>.*)"}, "set landing.batch"),
        (
            {"batch": "month of at", "calendar": {"name": "month", "order": "%b %Y"}},
            "batches are named like 2001-02, which '%b %Y' does not match",
        ),
        (
            {"batch": "day of at", "calendar": {"period": "month"}},
            "is by day, the calendar's period is month; say 'month of at'",
        ),
    ],
)
def test_what_does_not_fit(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        _spec(**wrong)


def test_a_date_format_takes_the_batch_of_rows_without_one() -> None:
    calendar = Calendar(name="month", order="%Y-%m")
    assert calendar.matches(UNASSIGNED)
    assert calendar.sorted(["2024-02", UNASSIGNED, "2024-01"]) == [
        UNASSIGNED,
        "2024-01",
        "2024-02",
    ]


def test_how_a_file_is_cut_reads_no_batch_again() -> None:
    plain, cut = (_spec(batch="month of at", whole=whole, max_gone=0.5) for whole in (False, True))
    read = [text(ingest_spec(Project({"rows": spec}, {}), "rows")) for spec in (plain, cut)]
    assert read[0] == read[1]
    assert '"batch"' not in read[0]
