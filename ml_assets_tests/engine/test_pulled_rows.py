"""Rows of a database as an Arrow table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

# Once it is imported, pyarrow ignores the zones of Python's times.
import pandera.pandas as _  # noqa: F401
import pyarrow as pa
import pytest

from ml_assets.engine.pulling.rows import table

NIGHT = datetime(2013, 12, 1, 23, tzinfo=ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("times", "kind", "wanted"),
    [
        ([NIGHT, None], pa.timestamp("us", "UTC"), [datetime(2013, 12, 2, 4, tzinfo=UTC), None]),
        ([NIGHT.replace(tzinfo=None)], pa.timestamp("us"), [datetime(2013, 12, 1, 23)]),
        (
            [NIGHT, datetime(2013, 12, 1)],
            pa.string(),
            ["2013-12-01T23:00:00-05:00", "2013-12-01T00:00:00"],
        ),
    ],
)
def test_a_time_with_a_zone_is_the_moment_that_it_says(
    times: list[Any], kind: pa.DataType, wanted: list[Any]
) -> None:
    found = table(["at"], [[time] for time in times], {"at": "timestamp"})
    assert found.schema.field("at").type == kind
    assert found["at"].to_pylist() == wanted
