"""Texts to times by date formats, a whole column at once.

Belongs here: the parts of a time to microseconds, offsets as written.
Does not belong here: what a format may hold (`spec/formats`), time zones (`zones`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.spec.formats import MONTHS, expression

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SECOND = 10**6
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
PIVOT = 69
"""Two-digit years from here on are of 1969 to 1999, others of 2000 to 2068."""
ISO = (
    "^[ \t]*(?P<Y>[0-9]{4})-(?P<m>1[0-2]|0[1-9])-(?P<d>[0-3][0-9])"
    "(?:[T ](?P<H>2[0-3]|[01][0-9]):(?P<M>[0-5][0-9])"
    "(?::(?P<S>[0-5][0-9])(?:[.](?P<f>[0-9]{1,6})0*)?)?"
    " ?(?P<z>Z|z|UTC|[+-](?:2[0-3]|[01][0-9])(?::?[0-5][0-9])?)?)?[ \t]*$"
)


@dataclass(frozen=True)
class Times:
    """What a column of texts says, one entry a text."""

    valid: Bools
    local: Ints
    """Microseconds since 1970 on the clock of the place, 0 where not valid."""
    aware: Bools
    """Whether an offset is written."""
    offset: Ints
    """Microseconds that the clock is ahead of UTC, 0 where none is written."""


def times(texts: pa.Array, formats: Sequence[str]) -> Times:
    """Read texts by the first format that each matches, by ISO 8601 if there is none."""
    encoded = texts.dictionary_encode()
    distinct = encoded.dictionary
    parts = _by(distinct, [expression(form) for form in formats] or [ISO])
    at = encoded.indices.fill_null(len(distinct)).to_numpy()
    return Times(*(np.append(part, 0).astype(part.dtype)[at] for part in parts))


def _by(texts: pa.Array, expressions: Sequence[str]) -> tuple[Bools, Ints, Bools, Ints]:
    count = len(texts)
    valid, aware = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    local, offset = np.zeros(count, np.int64), np.zeros(count, np.int64)
    left = np.arange(count)
    for form in expressions:
        if not len(left):
            break
        parts = _Parts(pc.extract_regex(texts.take(pa.array(left)), form))
        good = parts.matched & parts.exists
        rows = left[good]
        valid[rows] = True
        local[rows] = parts.local[good]
        aware[rows], offset[rows] = parts.aware[good], parts.offset[good]
        left = left[~parts.matched]
    return valid, local, aware, offset


class _Parts:
    """The parts of times that one expression found."""

    def __init__(self, groups: pa.StructArray) -> None:
        self._found = groups
        self._names = {field.name for field in groups.type}
        self.matched: Bools = groups.is_valid().to_numpy(zero_copy_only=False)

    def _text(self, name: str) -> pa.Array:
        return pc.fill_null(pc.struct_field(self._found, name), "")

    def _number(self, name: str, default: int = 0) -> Ints:
        if name not in self._names:
            return np.full(len(self._found), default, np.int64)
        return _number(self._text(name), default)

    @functools.cached_property
    def _month(self) -> tuple[Ints, Ints]:
        """Return days since 1970 of each month's first day, and days in the month (year for %j)."""
        if "y" in self._names:
            short = self._number("y")
            years = short + np.where(short < PIVOT, 2000, 1900)
        else:
            years = self._number("Y", 1970)
        months = self._number("m", 1)
        if "b" in self._names:
            names = pc.utf8_lower(pc.utf8_slice_codeunits(self._text("b"), 0, 3))
            known = pa.array([month[:3].lower() for month in MONTHS])
            months = pc.index_in(names, known).fill_null(0).to_numpy().astype(np.int64) + 1
        first = (years - 1970) * 12 + months - 1
        begin = _day(first)
        length = _day(first + (12 if "j" in self._names else 1)) - begin
        return begin, np.where(years >= 1, length, 0)

    @functools.cached_property
    def _days(self) -> Ints:
        return self._number("j" if "j" in self._names else "d", 1)

    @property
    def exists(self) -> Bools:
        """Whether there is such a day."""
        return (self._days >= 1) & (self._days <= self._month[1])

    @property
    def local(self) -> Ints:
        hours = self._number("H")
        if "p" in self._names:
            late = pc.match_substring(self._text("p"), "p", ignore_case=True).to_numpy(
                zero_copy_only=False
            )
            # 12 AM is midnight, 12 PM is noon.
            hours = self._number("I") % 12 + 12 * late
        moments = (self._month[0] + self._days - 1) * DAY + hours * HOUR
        moments += self._number("M") * MINUTE + self._number("S") * SECOND
        if "f" in self._names:
            moments += _number(pc.utf8_rpad(self._text("f"), 6, "0"), 0)
        return moments

    @functools.cached_property
    def aware(self) -> Bools:
        if "z" not in self._names:
            return np.zeros(len(self._found), np.bool_)
        written: Bools = pc.greater(pc.utf8_length(self._text("z")), 0).to_numpy(
            zero_copy_only=False
        )
        return written

    @property
    def offset(self) -> Ints:
        if "z" not in self._names:
            return np.zeros(len(self._found), np.int64)
        groups = pc.extract_regex(
            self._text("z"), "^(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?$"
        )
        hours, minutes = (
            _number(pc.fill_null(pc.struct_field(groups, name), ""), 0)
            for name in ("hours", "minutes")
        )
        behind = pc.fill_null(pc.equal(pc.struct_field(groups, "sign"), "-"), False)
        sign = np.where(behind.to_numpy(zero_copy_only=False), -1, 1)
        ahead: Ints = sign * (hours * HOUR + minutes * MINUTE)
        return ahead


def _number(texts: pa.Array, default: int) -> Ints:
    given = pc.if_else(pc.equal(pc.utf8_length(texts), 0), str(default), texts)
    numbers: Ints = given.cast(pa.int64()).to_numpy()
    return numbers


def _day(months: Ints) -> Ints:
    """Return days since 1970 of the first day of months since 1970."""
    days: Ints = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days
