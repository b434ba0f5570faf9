"""A column as the file has it to the contract's type, by the way the spec says it is spelled.

Belongs here: which rules a column is read by, missing values. Does not belong here: the rules
themselves (`convert`, `numbers`, `dates`, `zones`), matching columns (`fields`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.ingest.convert import convert, texts_of
from ml_assets.stages.ingest.dates import DAY, Ints, times
from ml_assets.stages.ingest.numbers import canonical
from ml_assets.stages.ingest.parse import BLANKS, DAYS, SECONDS, WANTED
from ml_assets.stages.ingest.zones import to_utc
from ml_assets.stages.schema import TYPES

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import Landing

NUMBERS = ("integer", "number")


@dataclass(frozen=True)
class Spelling:
    """How a column's values are written."""

    kind: str
    nulls: Sequence[str]
    decimal: str = "."
    thousands: str = ""
    around: Sequence[str] = ()
    formats: Sequence[str] = ()
    zone: str | None = None

    @property
    def plain(self) -> bool:
        """Whether numbers are written as a computer writes them."""
        return self.decimal == "." and not self.thousands and not self.around

    @property
    def wanted(self) -> str:
        """What a value must be, in words."""
        if self.kind in NUMBERS and not self.plain:
            return f"{WANTED[self.kind].partition(' (')[0]} (like {self._example})"
        if self.kind in ("date", "timestamp") and self.formats:
            what = "a date" if self.kind == "date" else "a time"
            there = "" if self.zone is None else f" that there is in {self.zone}"
            return f"{what}{there}, written {' or '.join(self.formats)}"
        if self.zone is not None:
            return f"{WANTED[self.kind].replace(', UTC', '')}, one that there is in {self.zone}"
        return WANTED[self.kind]

    @property
    def _example(self) -> str:
        number = f"1{self.thousands}234"
        number += "" if self.kind == "integer" else f"{self.decimal}5"
        return f"{number} {self.around[0]}" if self.around else number


@dataclass(frozen=True)
class Reading:
    """A column read: its values, null where they fail, and which fail."""

    values: pa.Array
    bad: pa.Array
    twice: int = 0
    """Times that the clock shows twice."""


def spelling(column: Column, landing: Landing, own: bool = False) -> Spelling:
    """Return how a column's values are written; `own`: only its own `null_values` count."""
    given = () if own else landing.null_values
    return Spelling(
        kind=column.type,
        nulls=given if column.null_values is None else column.null_values,
        decimal=column.decimal or landing.decimal,
        thousands=landing.thousands if column.thousands is None else column.thousands,
        around=column.strip,
        formats=column.format,
        zone=column.zone,
    )


def read(array: pa.Array, by: Spelling) -> Reading:
    """Return a column in its logical type.

    The array is text without missing values' texts, or of a type that `arrow.plain` gives.
    """
    reading = _read(array, by)
    numbers = _numbers(by)
    if numbers is None:
        return reading
    gone = pc.is_in(reading.values, value_set=numbers)
    return Reading(
        pc.if_else(gone, pa.scalar(None, reading.values.type), reading.values), reading.bad
    )


def without(texts: pa.Array, nulls: Sequence[str]) -> pa.Array:
    """Return texts, null where one is a missing value; blanks around it do not count."""
    wanted = pa.array([text.strip(BLANKS) for text in nulls], pa.string())
    missing = pc.is_in(pc.ascii_trim(texts, BLANKS), value_set=wanted)
    return pc.if_else(missing, pa.scalar(None, texts.type), texts)


def _numbers(by: Spelling) -> pa.Array | None:
    """Return the numbers that mean a missing value, None if there are none."""
    if by.kind not in NUMBERS:
        return None
    numbers = _read(pa.array(by.nulls, pa.string()), by).values.drop_null()
    return numbers if len(numbers) else None


def _read(array: pa.Array, by: Spelling) -> Reading:
    kind = array.type
    if by.kind in NUMBERS and not by.plain and _written(kind):
        texts = texts_of(array)
        numbers = canonical(texts, by.decimal, by.thousands, by.around)
        values, bad = convert(numbers, by.kind)
        return Reading(values, pc.or_(bad, pc.and_(pc.is_null(numbers), pc.is_valid(array))))
    if by.kind == "timestamp" and by.zone is not None and pa.types.is_timestamp(kind):
        values, bad = convert(array, by.kind)
        return Reading(values, bad) if kind.tz else _in_zone(values, bad, by.zone)
    declared = by.kind in ("date", "timestamp") and (by.formats or by.zone is not None)
    timed = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if (declared and not timed) or (by.kind == "timestamp" and _written(kind)):
        return _times(array, by)
    return Reading(*convert(array, by.kind))


def _written(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _times(array: pa.Array, by: Spelling) -> Reading:
    texts = texts_of(array)
    if texts is None:
        return Reading(*convert(array, by.kind))
    parsed = times(texts, by.formats)
    valid, given = parsed.valid, pc.is_valid(array).to_numpy(zero_copy_only=False)
    if by.kind == "date":
        # At midnight, on the clock as written.
        valid = valid & (parsed.local % DAY == 0)
        return _made(parsed.local // DAY, valid, given, by.kind)
    moments, twice = parsed.local - parsed.offset, 0
    if by.zone is not None:
        rows = np.flatnonzero(valid & ~parsed.aware)
        moments[rows], skipped, doubled = to_utc(parsed.local[rows], by.zone)
        valid = valid.copy()
        valid[rows[skipped]] = False
        twice = int(doubled.sum())
    return _made(moments, valid, given, by.kind, twice)


def _in_zone(values: pa.Array, bad: pa.Array, zone: str) -> Reading:
    given = pc.is_valid(values).to_numpy(zero_copy_only=False)
    local = values.view(pa.int64()).fill_null(0).to_numpy()
    moments, skipped, twice = to_utc(local, zone)
    reading = _made(moments, ~skipped, given, "timestamp", int((twice & given).sum()))
    return Reading(reading.values, pc.or_(reading.bad, bad), reading.twice)


def _made(counts: Ints, valid: np.ndarray, given: np.ndarray, kind: str, twice: int = 0) -> Reading:
    low, end = DAYS if kind == "date" else (SECONDS[0] * 10**6, SECONDS[1] * 10**6)
    valid = valid & (counts >= low) & (counts < end)
    counted = pa.array(counts, mask=~(valid & given))
    stored = counted.cast(pa.int32()) if kind == "date" else counted
    return Reading(stored.view(TYPES[kind]), pa.array(given & ~valid), twice)
