"""Completeness: missing values of what landed, and days without rows."""

from __future__ import annotations

import pyarrow.compute as pc

from ml_assets.stages.check.completeness import NAME
from ml_assets_tests.stages.quality_batches import report_of, rows

REFERENCE = {"2019-11": rows(30, 60, seed=2), "2019-12": rows(31, 60, seed=3)}


def test_nothing_is_missing() -> None:
    found = report_of(rows(28, 60, seed=9), REFERENCE).checks[NAME]
    assert found.passed is True
    assert found.description == (
        "0% of all values are missing; rows in every day from the first to the last"
    )
    assert found.metadata["missing_share"] == 0.0


def test_a_tenth_of_a_column_is_missing() -> None:
    sizes = rows(28, 60, seed=9).column("size").to_pylist()
    sizes[:168] = [None] * 168
    found = report_of(rows(28, 60, seed=9, size=sizes), REFERENCE).checks[NAME]
    assert (found.passed, found.severity) == (False, "warn")
    assert found.description.startswith(
        "more than usual: 10% of size are missing, in the reference 0%; 2.5% of all values"
    )
    assert found.metadata["missing"] == {"size": 0.1}


def test_three_days_have_no_rows() -> None:
    whole = rows(28, 60, seed=9)
    day = pc.divide(pc.subtract(whole.column("_line"), 2), 60)
    gap = whole.filter(pc.invert(pc.is_in(day, pc.cast(whole.column("_line")[2:5], "int64"))))
    assert gap.num_rows == 25 * 60
    found = report_of(gap, REFERENCE).checks[NAME]
    assert found.passed is False
    assert found.metadata["empty_blocks"] == 3
    assert "3 of 28 days between the first and the last row are empty" in found.description


def test_fewer_missing_values_are_no_alarm() -> None:
    sizes = [None if n % 2 else 1.0 for n in range(30 * 60)]
    before = {"2019-11": rows(30, 60, seed=2, size=sizes)}
    assert report_of(rows(28, 60, seed=9), before).checks[NAME].passed is True
