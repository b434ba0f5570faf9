"""When a prediction is made, and how old the newest joined row is then."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import StageError
from ml_assets.stages.moments import NEVER, event_times, moments, newest, stale

NOON = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)
TABLE = pa.table(
    {
        "at": pa.array([NOON, NOON, None], pa.timestamp("us", "UTC")),
        "late": pa.array([5.0, None, 1.0]),
        "day": pa.array([NOON.date()] * 3, pa.date32()),
    }
)
MINUTE = 60_000_000
AT_NOON = int(NOON.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("at", [AT_NOON, AT_NOON, NEVER]),
        ("at + late * '1 min'", [AT_NOON + 5 * MINUTE, NEVER, NEVER]),
        ("day", [AT_NOON - 720 * MINUTE] * 3),
        ("day + '12h'", [AT_NOON] * 3),
    ],
)
def test_a_moment_is_an_expression(text: str, wanted: list[int]) -> None:
    assert moments(text, TABLE, "delay").tolist() == wanted


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(StageError, match="delay: 'late' is not a time for each row"):
        moments("late", TABLE, "delay")


def test_dates_and_other_units_of_time() -> None:
    seconds = pa.chunked_array([pa.array([NOON, None], pa.timestamp("s"))])
    assert event_times(seconds).tolist() == [AT_NOON, NEVER]
    assert event_times(TABLE["day"]).tolist() == [AT_NOON - 720 * MINUTE] * 3


def test_the_newest_row_up_to_a_moment_may_be_of_a_batch_before() -> None:
    times = [np.array([30, 10, NEVER]), np.array([5])]
    at = np.array([4, 5, 9, 10, 29, 30, 99])
    assert newest(at, times).tolist() == [NEVER, 5, 5, 10, 10, 30, 30]
    assert newest(at, []).tolist() == [NEVER] * 7


def test_a_row_is_stale_beyond_the_age_and_where_there_is_none() -> None:
    times = [np.array([0, 200 * MINUTE])]
    at = np.array([-1, 0, 120 * MINUTE, 120 * MINUTE + 1, 199 * MINUTE, 200 * MINUTE, NEVER])
    assert stale(at, times, "2 h").tolist() == [True, False, False, True, True, False, False]
    assert stale(at, [], "2 h").tolist() == [True] * 6 + [False]


@given(st.lists(st.integers(-99, 99)), st.lists(st.integers(-99, 99), min_size=1))
def test_the_newest_is_the_largest_of_those_not_later(times: list[int], at: list[int]) -> None:
    found = newest(np.array(at), [np.array(times, np.int64)])
    wanted = [max([time for time in times if time <= moment], default=NEVER) for moment in at]
    assert found.tolist() == wanted
