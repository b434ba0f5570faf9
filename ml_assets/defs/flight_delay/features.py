"""Features of a flight that leaves the gate: what is known at departure, nothing later.

Belongs here: functions of one flight, the weather up to its departure, and its plane. Does not
belong here: anything computed from other flights of the batch (a single flight must give the
same features), air_time and arrival times.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HOUR = 3_600_000_000
OBSERVED = ["temp", "dewp", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
CHANGES = {"temp_change": "temp", "pressure_change": "pressure"}


def build(
    flights: pd.DataFrame,
    weather: pd.DataFrame,
    weather_previous: list[pd.DataFrame],
    planes: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row of features for each flight."""
    observations = pd.concat([*weather_previous, weather], ignore_index=True)
    now = observed(flights, observations)
    before = observed(flights, observations, hours_before=3)
    changes = {name: now[column] - before[column] for name, column in CHANGES.items()}
    return pd.concat([schedule(flights), now.assign(**changes), plane(flights, planes)], axis=1)


def schedule(flights: pd.DataFrame) -> pd.DataFrame:
    """Return what the schedule and the gate say."""
    leaves, arrives = minutes(flights["sched_dep_time"]), minutes(flights["sched_arr_time"])
    day = pd.to_datetime(flights[["year", "month", "day"]])
    return pd.DataFrame(
        {
            "dep_delay": flights["dep_delay"],
            "carrier": flights["carrier"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            "distance": flights["distance"],
            "sched_dep_minute": leaves,
            # By the clocks of two cities: past midnight wraps, time zones are left to `dest`.
            "sched_minutes": (arrives - leaves) % 1440,
            "weekday": day.dt.dayofweek,
        }
    )


def minutes(clock: pd.Series) -> pd.Series:
    """Return minutes after midnight of a clock time such as 1745."""
    return clock // 100 * 60 + clock % 100


def observed(flights: pd.DataFrame, weather: pd.DataFrame, hours_before: int = 0) -> pd.DataFrame:
    """Return the newest observation at the origin that was made before the flight left.

    The observation of an hour is made at its minute 51, so a flight that left at 10:20 knows
    that of hour 9. Missing where that hour was not observed.
    """
    scheduled = _microseconds(flights["time_hour"]) // HOUR * 60 + flights["sched_dep_time"] % 100
    left = scheduled + flights["dep_delay"].to_numpy("float64", na_value=0)
    hour = np.floor((left.to_numpy("float64") - 51) / 60).astype(np.int64) - hours_before
    origins = pd.Index(weather["origin"].astype(object).unique())
    there = _pair(_microseconds(weather["time_hour"]) // HOUR, weather["origin"], origins)
    return _looked_up(weather[OBSERVED], there, _pair(hour, flights["origin"], origins), flights)


def plane(flights: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Return what is known of the plane; missing for a tail number that is not registered."""
    tails = pd.Index(planes["tailnum"].astype(object))
    facts = planes[["year", "seats", "model"]].set_axis(
        ["plane_year", "plane_seats", "plane_model"], axis=1
    )
    return _looked_up(facts, tails, flights["tailnum"].astype(object), flights)


def _pair(hour: NDArray[np.int64], origin: pd.Series, origins: pd.Index) -> pd.Index:
    """Return one number for an hour at an origin; -1 for an origin that is not listed."""
    code = origins.get_indexer(pd.Index(origin.astype(object)))
    return pd.Index(np.where(code < 0, -1, hour * len(origins) + code))


def _looked_up(
    table: pd.DataFrame, keys: pd.Index, wanted: pd.Index | pd.Series, flights: pd.DataFrame
) -> pd.DataFrame:
    """Return the rows of a table by key, with the index of the flights; missing if not there."""
    indexed = table.set_axis(keys, axis=0)
    indexed = indexed[~indexed.index.duplicated()]
    at = indexed.index.get_indexer(pd.Index(wanted))
    known = at >= 0
    rows = indexed.take(np.where(known, at, 0)) if len(indexed) else indexed.reindex(wanted)
    return rows.set_axis(flights.index, axis=0).where(pd.Series(known, index=flights.index))


def _microseconds(time: pd.Series) -> NDArray[np.int64]:
    return time.to_numpy("datetime64[us]").view(np.int64)
