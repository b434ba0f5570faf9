"""Which joined tables a row has, and rows that have none that are new enough."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.serve.frames import Tables
from ml_assets.serve.groups import grouped
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import Join
from ml_assets.spec.score import ScoreSpec, score_spec
from ml_assets.stages.score.read import Read
from ml_assets.stages.score.score import Group
from ml_assets_tests.stages.flight_features import spec

DAY = dt.datetime(2013, 1, 31, tzinfo=dt.UTC)
FLIGHTS = {"at": "timestamp", "number": "integer", "carrier": "category", "dep": "number"}
FLIGHTS |= {"arr": "number", "arr_time": "integer"}


def dataset(columns: dict[str, str]) -> DatasetSpec:
    """Return a dataset with months of New York."""
    return DatasetSpec.model_validate(
        {
            "description": "Rows.",
            "calendar": {"period": "month", "zone": "America/New_York"},
            "landing": {"pattern": "(?P<batch>.*)"},
            "time": "at",
            "columns": {name: {"type": kind} for name, kind in columns.items()},
        }
    )


def stamps(*hours: float) -> pa.Array:
    return pa.array([DAY + dt.timedelta(hours=hour) for hour in hours], pa.timestamp("us", "UTC"))


DATASETS = {"flights": dataset(FLIGHTS), "weather": dataset({"at": "timestamp", "temp": "number"})}
WEATHER = {
    "january": pa.table({"_line": [2, 3], "at": stamps(0, 28), "temp": [1.0, 2.0]}),
    "february": pa.table({"_line": [2], "at": stamps(30), "temp": [3.0]}),
}


def asked(**timed: Any) -> ScoreSpec:
    """Return how flights are scored that are joined with weather and the month before."""
    features = spec(joins=({"dataset": "weather", "previous": 1},))
    plain = score_spec(DATASETS["flights"], features)
    join = Join.model_validate({"dataset": "weather", "previous": 1, **timed})
    return plain.model_copy(update={"joins": (join,)})


def found(score: ScoreSpec, *hours: float, months: tuple[str, ...]) -> tuple[Read, list[Group]]:
    """Group flights at some hours."""
    names = {"january": "2013-01", "february": "2013-02"}
    tables = Tables({"weather": {names[month]: (month, True) for month in months}})
    rows = pa.table({"_line": np.arange(len(hours)), "at": stamps(*hours)})
    read = Read(pa.array(np.arange(len(hours))), rows, {})
    return grouped(WEATHER.__getitem__, score, DATASETS, tables, read, None)


def test_a_row_is_of_the_month_by_its_zone_with_the_month_before() -> None:
    rows, groups = found(asked(), 28.9, 29, 30, months=("january", "february"))
    assert rows.problems == {}
    january, february = groups
    assert (january.places.tolist(), february.places.tolist()) == ([0], [1, 2])
    assert january.joined["weather_previous"] == []
    assert february.joined["weather"]["temp"].tolist() == [3.0]
    assert february.joined["weather_previous"][0]["temp"].tolist() == [1.0, 2.0]


def test_a_month_that_has_not_landed_is_refused_or_missing() -> None:
    rows, groups = found(asked(), 28, 30, months=("january",))
    assert rows.problems == {
        1: "join: weather has no batch 2013-02 yet; land it, or set stale: missing"
    }
    assert [group.places.tolist() for group in groups] == [[0]]
    rows, groups = found(asked(stale="missing"), 28, 30, months=("january",))
    assert rows.problems == {}
    assert [group.missing for group in groups] == [None, "weather"]
    assert len(groups[1].joined["weather"]) == 0
    assert len(groups[1].joined["weather_previous"][0]) == 2


@pytest.mark.parametrize("stale", ["refuse", "missing"])
def test_a_row_whose_newest_joined_row_is_too_old(stale: str) -> None:
    score = asked(at="at", max_age="2 h", stale=stale)
    rows, groups = found(score, 2, 2.1, 27.9, 28, 29.5, months=("january", "february"))
    said = (
        "join: no row of weather is at most 2 h old when the row is predicted; land newer ones, "
        "raise max_age, or set stale: missing"
    )
    assert rows.problems == ({} if stale == "missing" else {1: said, 2: said})
    assert sum(len(group.places) for group in groups) == (5 if stale == "missing" else 3)
