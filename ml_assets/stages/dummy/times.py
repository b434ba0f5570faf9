"""Times of made-up rows: the one that orders them, its parts, and others after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml_assets.stages.dummy.columns import Places, along, chosen
from ml_assets.stages.statistics.times import PARTS, STEPS

if TYPE_CHECKING:
    from ml_assets.stages.dummy.wish import Wish

RECENT = np.datetime64("2020-01-01T00:00:00"), np.datetime64("2021-01-01T00:00:00")
"""The span of times of which nothing is known."""
AFTER = 86_400.0
"""Seconds within which a time follows the one that orders rows, where nothing is known of it."""


def ordering(wish: Wish, name: str, places: Places, rng: np.random.Generator) -> pd.Series:
    """Return the times that order rows: within the batch's period, if it has one."""
    said = wish.said(name)
    if wish.period is None and "blocks" in said:
        return _series(wish, name, along(said["blocks"], places))
    span = RECENT if wish.period is None else tuple(map(np.datetime64, wish.period))
    begin, end = (moment.astype("datetime64[s]") for moment in span)
    hours = np.arange(begin, end, np.timedelta64(1, "h"))
    clock = pd.DatetimeIndex(hours)
    weight = np.ones(len(hours))
    for shares, part in (("hours", clock.hour), ("weekdays", clock.weekday)):
        if shares in said:
            weight = weight * np.array(said[shares])[part]
    if not weight.any():
        weight = np.ones(len(hours))
    hour = hours[chosen(len(hours), weight, places)]
    within = rng.integers(0, 3600, len(places)).astype("timedelta64[s]")
    local = np.minimum(hour + within, end - np.timedelta64(1, "s"))
    length = STEPS.get(said.get("step", "second"), 1)
    seconds = local.astype(np.int64) // length * length
    local = np.maximum(seconds.astype("datetime64[s]"), begin)
    index = pd.DatetimeIndex(local)
    if wish.columns[name].type == "date":
        return pd.Series(index.normalize().as_unit("s"))
    zoned = index.tz_localize(
        wish.zone, ambiguous=np.ones(len(index), dtype=np.bool_), nonexistent="shift_forward"
    )
    return pd.Series(zoned.tz_convert("UTC").as_unit("us"))


def part(wish: Wish, at: pd.Series, name: str) -> pd.Series:
    """Return a part of the time that orders rows (its month, …), by the clock of the zone."""
    local = at if at.dt.tz is None else at.dt.tz_convert(wish.zone)
    return pd.Series(PARTS[name](local.dt), dtype="Int64")


def after(wish: Wish, name: str, places: Places, at: pd.Series | None) -> pd.Series:
    """Return another time of each row."""
    said = wish.said(name)
    if "blocks" not in said:
        seconds = places * AFTER
        span = (RECENT[1] - RECENT[0]).astype(float)
        begin = RECENT[0].astype("datetime64[s]").astype(float)
        return _series(wish, name, begin + places * span if at is None else _seconds(at) + seconds)
    seconds = along(said["blocks"], places)
    if said["lag"] and at is not None:
        seconds = seconds + _seconds(at)
    return _series(wish, name, seconds)


def _seconds(at: pd.Series) -> Places:
    plain = at if at.dt.tz is None else at.dt.tz_localize(None)
    found: Places = plain.to_numpy("datetime64[s]").astype(np.int64).astype(np.float64)
    return found


def _series(wish: Wish, name: str, seconds: Places) -> pd.Series:
    length = STEPS.get(wish.said(name).get("step", "second"), 1)
    whole = np.round(seconds / length).astype(np.int64) * length
    index = pd.DatetimeIndex(whole.astype("datetime64[s]"))
    if wish.columns[name].type == "date":
        return pd.Series(index.normalize().as_unit("s"))
    return pd.Series(index.tz_localize("UTC").as_unit("us"))
