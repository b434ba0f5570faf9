"""Statistics of times: of the one that orders rows, of its parts, and of others after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_assets.stages.statistics.columns import blocks

PARTS: dict[str, Callable[[Any], Any]] = {
    "year": lambda at: at.year,
    "month": lambda at: at.month,
    "day": lambda at: at.day,
    "hour": lambda at: at.hour,
    "minute": lambda at: at.minute,
    "weekday": lambda at: at.weekday,
}
"""Parts of times, of an index or of a column's `dt`."""
STEPS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
"""Seconds of each unit, the longest first."""


class Clock:
    """The time that orders rows, by the clock of a zone."""

    def __init__(self, values: pa.ChunkedArray, zone: str) -> None:
        self.at = instants(values)
        local = self.at if pa.types.is_date32(values.type) else self.at.tz_convert(zone)
        self._local = local

    def shares(self, least: int) -> dict[str, Any]:
        """Return "step", "hours" and "weekdays": shares of rows; those of too few are 0."""
        said: dict[str, Any] = {"step": step(self._local)}
        for name, values, count in (
            ("hours", self._local.hour, 24),
            ("weekdays", self._local.weekday, 7),
        ):
            found = np.bincount(values[~np.isnan(values)].astype(int), minlength=count)
            found[found < least] = 0
            if found.any():
                said[name] = [round(float(share), 4) for share in found / found.sum()]
        return said

    def part(self, values: pa.ChunkedArray) -> str | None:
        """Return which part of the time a column of integers is in every row, if it is one."""
        if values.null_count or self.at.hasnans:
            return None
        numbers = values.to_numpy()
        for name, part in PARTS.items():
            if np.array_equal(np.asarray(part(self._local)), numbers):
                return name
        return None


def lags(values: pa.ChunkedArray, clock: Clock | None, least: int) -> dict[str, Any]:
    """Return "step" and "blocks": seconds after the time that orders rows, else after 1970.

    "lag" says which of the two.
    """
    at = instants(values)
    since = pd.Timestamp(0, tz=at.tz) if clock is None else clock.at
    if clock is not None and (at.tz is None) != (clock.at.tz is None):
        since = clock.at.tz_localize("UTC") if at.tz is not None else clock.at.tz_localize(None)
    seconds = np.asarray((at - since).total_seconds(), dtype=np.float64)
    means = blocks(np.sort(seconds[~np.isnan(seconds)]), least)
    return {"step": step(at), "lag": clock is not None, "blocks": means} if means else {}


def instants(values: pa.ChunkedArray) -> pd.DatetimeIndex:
    """Return times as an index: of timestamps in UTC, of dates without a zone."""
    if pa.types.is_date32(values.type):
        return pd.DatetimeIndex(values.cast(pa.timestamp("s")).to_numpy())
    stamps = values.cast(pa.timestamp("us")).to_numpy()
    return pd.DatetimeIndex(stamps).tz_localize("UTC")


def step(at: pd.DatetimeIndex) -> str:
    """Return the longest unit that all times are multiples of."""
    present = at.dropna()
    midnight = (present.tz_localize(None) if present.tz is not None else present).to_numpy()
    seconds = midnight.astype("datetime64[us]").astype(np.int64)
    for name, length in STEPS.items():
        if not (seconds % (length * 1_000_000)).any():
            return name
    return "microsecond"
