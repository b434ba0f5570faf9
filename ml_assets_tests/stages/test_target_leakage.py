"""Leakage by name and by declared source."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.stages.check.target_leakage import check
from ml_assets.stages.result import Check
from ml_assets_tests.stages.flight_features import spec


def verdict(columns: dict[str, Any], **changes: Any) -> Check:
    (found,) = check(spec(columns=columns, **changes)).checks
    return found


def test_the_name_of_a_withheld_column() -> None:
    found = verdict({"arr_time": {"type": "number"}})
    assert found.passed is False
    assert found.description == (
        "arr_time has the name of a column known only at arrival; "
        "withheld: arr (arrival), arr_time (arrival)"
    )


@pytest.mark.parametrize(
    ("source", "passed"),
    [("flights.arr_time", False), ("flights.dep", True), ("weather.arr_time", True)],
)
def test_a_source_that_is_withheld(source: str, passed: bool) -> None:
    found = verdict({"x": {"type": "number", "sources": [source]}})
    assert found.passed is passed
    assert ("comes from flights.arr_time" in found.description) is not passed


def test_nothing_withheld() -> None:
    found = verdict({"x": {"type": "number"}}, withheld={}, predict_at=None)
    assert found.description == "withheld: nothing"
