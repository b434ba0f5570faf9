"""Joined rows and the moment at which a row's prediction is made.

Belongs here: that moment, event times, ages, frames without the future. Does not belong here: what
follows from them (`check.join_leakage`, `check.join_age`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.faults import StageError
from ml_assets.spec.expressions.constants import duration
from ml_assets.stages.expressions import reads, value
from ml_assets.stages.frames import to_frame

TIME = pa.timestamp("us", "UTC")
NEVER = np.iinfo(np.int64).min
"""Stands for a time that is missing; before every time."""
MICROSECOND = timedelta(microseconds=1)
Ints = NDArray[np.int64]


def moments(at: str, table: pa.Table, where: str) -> Ints:
    """Return when each row's prediction is made, in microseconds UTC; NEVER where it is unknown.

    A date is its first moment. StageError naming `where` if `at` is not a valid expression.
    """
    names = reads(at, table.column_names, where)
    series = value(at, to_frame(table.select([n for n in table.column_names if n in names])), where)
    if not isinstance(series, pd.Series) or series.dtype.kind != "M":
        raise StageError(f"{where}: {at!r} is not a time for each row")
    return event_times(pa.chunked_array([pa.array(series)]))


def event_times(column: pa.ChunkedArray) -> Ints:
    """Return timestamps or dates in microseconds UTC; NEVER where they are missing."""
    counts = column.cast(pa.timestamp("us")).cast(TIME) if column.type != TIME else column
    whole: Ints = counts.cast(pa.int64()).fill_null(NEVER).to_numpy()
    return whole


def newest(at: Ints, times: Iterable[Ints]) -> Ints:
    """Return the newest event time that is not later than each moment; NEVER where there is none.

    `times` are those of the joined batch and of its preceding ones.
    """
    known = np.unique(np.concatenate([np.array([NEVER], np.int64), *times]))
    latest: Ints = known[np.maximum(np.searchsorted(known, at, side="right") - 1, 0)]
    return latest


def stale(at: Ints, times: Iterable[Ints], max_age: str) -> NDArray[np.bool_]:
    """Tell which rows have no joined row that is not later and at most this old.

    A row whose moment is unknown is not stale.
    """
    usable = newest(at, times)
    none = usable == NEVER
    ages = at - np.where(none, at, usable)
    mask: NDArray[np.bool_] = (at != NEVER) & (none | (ages > duration(max_age) // MICROSECOND))
    return mask
