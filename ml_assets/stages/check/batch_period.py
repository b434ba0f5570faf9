"""Check: are the rows of a batch of the time that its name says?

Belongs here: the times of one batch. Does not belong here: times across folds (`fold_order`).
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from datetime import datetime

    from ml_assets.spec.dataset import PeriodSpec
    from ml_assets.stages.result import Handle

NAME = "batch_period"
ALLOWED = 0.05
"""Largest share of rows outside the period: records come late."""
EAST, WEST = timedelta(hours=14), timedelta(hours=12)
"""By how much a day begins earlier, and ends later, somewhere than in UTC."""


def check(spec: PeriodSpec, *, cleaned: Handle) -> Result:
    """Warn where more than 5 % of the rows that have a time lie outside the batch's period.

    Timestamps may lie in the period by any zone's clock, dates by their own. Not applicable
    without a time column, or where the batch's name is no date.
    """
    if spec.time is None:
        return _verdict(None, "the dataset has no `time`")
    if spec.period is None:
        return _verdict(None, "the name is no date; say its format as `order` of the calendar")
    times = cleaned.table([spec.time])[spec.time].drop_null()
    start, stop = spec.period
    if pa.types.is_timestamp(times.type):
        start, stop = _moved(start, -EAST), _moved(stop, WEST)
    times = times.cast(pa.timestamp("us", "UTC"))
    inside = pc.and_(pc.greater_equal(times, _utc(start)), pc.less(times, _utc(stop)))
    outside = times.filter(pc.invert(inside))
    metadata = {"rows": len(times), "outside": len(outside)}
    begin, end = (moment.isoformat(" ").removesuffix(" 00:00:00") for moment in spec.period)
    said = f"{len(outside):,} of {len(times):,} rows lie outside {begin} to {end}"
    if len(outside) <= ALLOWED * len(times):
        return _verdict(True, f"{said}, allowed are {100 * ALLOWED:g} %", metadata)
    edges = pc.min_max(outside)
    first, last = (edges[name].as_py().date().isoformat() for name in ("min", "max"))
    said += f" (from {first} to {last}), allowed are {100 * ALLOWED:g} %"
    return _verdict(False, f"{said}; is {spec.time!r} right, and the file's name?", metadata)


def _moved(moment: datetime, by: timedelta) -> datetime:
    """Return a time moved, but not beyond the years 1 to 9999."""
    try:
        return moment + by
    except OverflowError:
        return moment


def _utc(moment: datetime) -> pa.Scalar[Any]:
    return pa.scalar(moment.replace(tzinfo=UTC), pa.timestamp("us", "UTC"))


def _verdict(passed: bool | None, text: str, metadata: dict[str, int] | None = None) -> Result:
    return Result({}, checks=(Check(NAME, passed, text, "warn", metadata or {}),))
