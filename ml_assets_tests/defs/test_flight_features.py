"""The shipped features, on two flights by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from ml_assets.defs.flight_delay import features as flight_delay
from ml_assets.defs.late_arrival import features as late_arrival


def flights() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "year": 2013,
            "month": 2,
            "day": 1,
            "carrier": "UA",
            "tailnum": ["N1", None],
            "origin": ["EWR", "JFK"],
            "dest": "SFO",
            "distance": 2565,
            # 01:20 and 23:50 in New York, the second arrives after midnight.
            "sched_dep_time": [120, 2350],
            "sched_arr_time": [430, 340],
            "dep_delay": [40.0, -5.0],
            "time_hour": pd.to_datetime(["2013-02-01T06:00Z", "2013-02-02T04:00Z"]).as_unit("us"),
        }
    )


def weather(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["origin", "time_hour", "temp"])
    time = pd.to_datetime(frame["time_hour"], utc=True).dt.as_unit("us")
    others = dict.fromkeys(flight_delay.OBSERVED, 1.0)
    return frame.assign(**(others | {"temp": frame["temp"], "time_hour": time}))


# The flight from EWR left at 07:00 UTC: that of 06:51 is the newest. The one from JFK left at
# 04:45 UTC: that of 03:51.
NOW = weather(
    ("EWR", "2013-02-01T07:00Z", 99.0),
    ("EWR", "2013-02-01T06:00Z", 30.0),
    ("JFK", "2013-02-01T06:00Z", 99.0),
    ("JFK", "2013-02-02T03:00Z", 28.0),
)
BEFORE = weather(("EWR", "2013-02-01T03:00Z", 35.0))
PLANES = pd.DataFrame(
    {"tailnum": ["N1", "N2"], "year": [1999, 2000], "seats": [55, 60], "model": ["A", "B"]}
)


def test_schedule() -> None:
    made = flight_delay.schedule(flights())
    assert made["sched_dep_minute"].tolist() == [80, 1430]
    assert made["sched_minutes"].tolist() == [190, 230]
    assert made["weekday"].tolist() == [4, 4]


def test_weather_is_the_newest_before_the_flight_left_and_three_hours_earlier() -> None:
    made = flight_delay.build(flights(), NOW, [BEFORE], PLANES)
    assert made["temp"].tolist() == [30.0, 28.0]
    assert made["temp_change"].tolist()[0] == -5.0
    assert made["temp_change"].isna().tolist() == [False, True]


@pytest.mark.parametrize("observations", [NOW.iloc[:0], weather(("LGA", "2013-02-01T06:00Z", 1.0))])
def test_weather_that_is_not_there_is_missing(observations: pd.DataFrame) -> None:
    assert flight_delay.build(flights(), observations, [], PLANES)["temp"].isna().all()


def test_a_plane_that_is_not_registered_is_missing() -> None:
    made = flight_delay.build(flights(), NOW, [], PLANES)
    assert made["plane_year"].tolist()[0] == 1999
    assert made["plane_model"].isna().tolist() == [False, True]
    assert flight_delay.plane(flights(), PLANES.iloc[:0]).isna().all(axis=None)


def test_late_arrival_has_a_part_of_the_same_features() -> None:
    made = late_arrival.build(flights(), NOW)
    whole = flight_delay.build(flights(), NOW, [], PLANES)
    pd.testing.assert_frame_equal(made, whole[list(made)])
