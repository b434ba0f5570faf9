"""Check: are the rows of a batch of the time that its name says?

Belongs here: the times of one batch. Does not belong here: times across folds (`fold_order`).
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.ingest.zones import to_utc
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

    Timestamps lie in it by the clock of the calendar's zone, by that of any where none is known;
    dates by their own. Not applicable without a time column, or if the batch's name is not a date.
    """
    if spec.time is None:
        return _verdict(None, "the dataset has no `time`")
    if spec.period is None:
        said = "the name says no time; give the calendar a `period`, or its format as `order`"
        return _verdict(None, said)
    times = cleaned.table([spec.time])[spec.time].drop_null()
    start, stop = spec.period
    if pa.types.is_timestamp(times.type):
        if spec.zone is None:
            start, stop = _moved(start, -EAST), _moved(stop, WEST)
        else:
            start, stop = _instants(spec.period, spec.zone)
    times = times.cast(pa.timestamp("us", "UTC"))
    inside = pc.and_(pc.greater_equal(times, _utc(start)), pc.less(times, _utc(stop)))
    outside = times.filter(pc.invert(inside))
    metadata = {"rows": len(times), "outside": len(outside)}
    begin, end = (moment.isoformat(" ").removesuffix(" 00:00:00") for moment in spec.period)
    said = f"{len(outside):,} of {len(times):,} rows lie outside {begin} to {end}"
    said += f" ({spec.zone})" if spec.zone is not None else ""
    if len(outside) <= ALLOWED * len(times):
        return _verdict(True, f"{said}, at most {100 * ALLOWED:g} % is allowed", metadata)
    edges = pc.min_max(outside)
    first, last = (edges[name].as_py().date().isoformat() for name in ("min", "max"))
    said += f" (from {first} to {last}), at most {100 * ALLOWED:g} % is allowed"
    return _verdict(False, f"{said}; is {spec.time!r} right, and the file's name?", metadata)


def _instants(period: tuple[datetime, datetime], zone: str) -> tuple[datetime, datetime]:
    """Return clock times as times in UTC, without a zone."""
    instants, _, _ = to_utc(np.array(period, "datetime64[us]").view(np.int64), zone)
    start, stop = instants.view("datetime64[us]").tolist()
    return start, stop


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
