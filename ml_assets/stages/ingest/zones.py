"""Times on the clock of a place to UTC, a whole column at once.

The rules of a zone are those of the locked package `tzdata`, not of the machine, so a result is the
same everywhere and its version is in the key. Belongs here: offsets, times that the clock skips or
shows twice. Does not belong here: texts (`dates`).
"""

from __future__ import annotations

import functools
import importlib.resources
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import tzdata

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EPOCH, MICROSECOND, ONE_DAY = datetime(1970, 1, 1), timedelta(microseconds=1), timedelta(days=1)
DAY = ONE_DAY // MICROSECOND


def to_utc(local: Ints, zone: str) -> tuple[Ints, Bools, Bools]:
    """Return times in UTC, which of them the clock skips, and which it shows twice; all (n,).

    Times are microseconds since 1970, of the years 1 to 9999. Of a time that the clock shows twice,
    the first is taken.
    """
    place = _zone(zone)
    offset = np.zeros(len(local), np.int64)
    skipped, twice = np.zeros(len(local), np.bool_), np.zeros(len(local), np.bool_)
    days, at = np.unique(local // DAY, return_inverse=True)
    begins = [EPOCH + ONE_DAY * int(day) for day in days]
    first = np.array([_offset(begin, place) for begin in begins], np.int64)
    after = [begin + ONE_DAY if begin.date() < datetime.max.date() else begin for begin in begins]
    # No zone sets its clock twice on one day.
    even = first == np.array([_offset(end, place) for end in after], np.int64)
    offset[:] = first[at] if len(at) else 0
    rows = np.flatnonzero(~even[at]) if len(at) else at
    moments, which = np.unique(local[rows], return_inverse=True)
    clocks = [EPOCH + MICROSECOND * int(moment) for moment in moments]
    early = np.array([_offset(clock, place) for clock in clocks], np.int64)[which]
    late = np.array([_offset(clock.replace(fold=1), place) for clock in clocks], np.int64)[which]
    offset[rows], skipped[rows], twice[rows] = early, early < late, early > late
    return local - offset, skipped, twice


def _offset(clock: datetime, place: ZoneInfo) -> int:
    ahead = place.utcoffset(clock)
    assert ahead is not None
    return ahead // MICROSECOND


@functools.cache
def _zone(name: str) -> ZoneInfo:
    file = importlib.resources.files(tzdata).joinpath("zoneinfo", *name.split("/"))
    with file.open("rb") as opened:
        return ZoneInfo.from_file(opened, key=name)
