"""Volume: rows a day, and days, beside the reference."""

from __future__ import annotations

from ml_assets.stages.check.volume import NAME
from ml_assets_tests.stages.quality_batches import report_of, rows

REFERENCE = {"2019-11": rows(30, 60, seed=2), "2019-12": rows(31, 60, seed=3)}


def test_as_many_rows_as_before() -> None:
    found = report_of(rows(28, 60, seed=9), REFERENCE).checks[NAME]
    assert found.passed is True
    assert found.description == "1,680 rows in 28 days, 60 a day, in the reference 60 a day"
    assert found.metadata["ratio"] == 1.0
    assert found.metadata["expected"] == 1680


def test_half_the_rows_a_day() -> None:
    found = report_of(rows(30, 30, seed=9), REFERENCE).checks[NAME]
    assert (found.passed, found.severity) == (False, "warn")
    assert found.metadata["ratio"] == 0.5


def test_half_the_days() -> None:
    found = report_of(rows(15, 60, seed=9), REFERENCE).checks[NAME]
    assert found.passed is False
    assert found.description.endswith("and 30 to 31 days in each of its batches")


def test_without_time_the_rows_count() -> None:
    assert report_of(rows(30, 62, seed=9), REFERENCE, block="row").checks[NAME].passed is True
    few = report_of(rows(30, 50, seed=9), REFERENCE, block="row").checks[NAME]
    assert few.passed is False
    assert few.description == "1,500 rows, 1,800 to 1,860 in the reference"


def test_without_a_reference_it_says_so() -> None:
    found = report_of(rows(3, 5, seed=9), None).checks[NAME]
    assert (found.passed, found.description) == (None, "the reference is made up")
    assert found.metadata["rows"] == 15
