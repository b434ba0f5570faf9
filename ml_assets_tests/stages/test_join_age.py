"""Rows whose newest joined row is too old are counted."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa

from ml_assets.spec.model import AgesSpec
from ml_assets.stages.check.join_age import check
from ml_assets.stages.result import Result
from ml_assets_tests.handles import given

DAY = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)


def stamps(*hours: float) -> pa.Array:
    return pa.array([DAY + dt.timedelta(hours=hour) for hour in hours], pa.timestamp("us", "UTC"))


def found(stale: str, weather: pa.Array, earlier: tuple[pa.Array, ...] = ()) -> Result:
    """Check flights at 1, 3 and 9 o'clock, with weather at most two hours old."""
    age = {"at": "at", "time": "time", "max_age": "2 h", "stale": stale}
    spec = AgesSpec.model_validate({"model": "delay", "joins": {"weather": age}})
    main = pa.table({"_line": [2, 3, 4], "at": stamps(1, 3, 9)})
    previous: dict[str, Any] = {"weather": [given(pa.table({"time": part})) for part in earlier]}
    joins = {"weather": given(pa.table({"time": weather}))}
    return check(spec, main=given(main), joins=joins, previous=previous)


def test_rows_that_are_new_enough_are_green() -> None:
    result = found("refuse", stamps(0, 2, 7))
    assert result.checks[0].passed
    assert result.checks[0].description == "every row has joined rows that are new enough"
    assert result.metadata == {"refused": None, "stale": {"weather": 0}}


def test_a_batch_before_counts() -> None:
    assert found("refuse", stamps(2, 7), (stamps(-1),)).checks[0].passed
    assert found("refuse", stamps(2, 7), (stamps(-2),)).metadata["stale"] == {"weather": 1}


def test_rows_that_are_too_old_are_refused_or_a_warning() -> None:
    said = "1 row has no row of weather that is at most 2 h old, such as line 4"
    refused = found("refuse", stamps(0, 2, 6.9))
    assert (refused.checks[0].passed, refused.checks[0].severity) == (False, "error")
    assert refused.checks[0].description == refused.metadata["refused"] == said
    allowed = found("missing", stamps(0, 2, 10))
    assert (allowed.checks[0].passed, allowed.checks[0].severity) == (False, "warn")
    assert allowed.checks[0].description == said
    assert allowed.metadata["refused"] is None


def test_without_any_joined_row_all_are_too_old() -> None:
    assert found("missing", stamps()).metadata["stale"] == {"weather": 3}
