"""Features for a late arrival: a part of those of the delay, by the same functions."""

from __future__ import annotations

import pandas as pd

from ml_assets.defs.flight_delay.features import observed, schedule

WEATHER = ["temp", "dewp", "wind_speed", "precip", "pressure", "visib"]


def build(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Return one row of features for each flight, known at departure."""
    return pd.concat([schedule(flights), observed(flights, weather)[WEATHER]], axis=1)
