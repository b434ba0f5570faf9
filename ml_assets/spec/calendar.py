"""A calendar: a named set of batches, and their order.

All ordering of batches goes through here: never as texts, since `9` comes before `10`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from ml_assets.spec.base import Name, Spec
from ml_assets.spec.cut import UNASSIGNED

NATURAL = "natural"
_YEAR = re.compile(r"%[YyG]")
_EXAMPLE = datetime(2001, 2, 3, 4, 5, 6, 7)
_STEPS = (
    timedelta(microseconds=1),
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=7),
)


def _order(value: str) -> str:
    if value == NATURAL:
        return value
    wanted = f"wanted {NATURAL!r}, or a date format with a year such as '%b %Y'"
    try:
        read = datetime.strptime(_EXAMPLE.strftime(value), value)
        after = datetime.strptime(_next(_EXAMPLE, value).strftime(value), value)
    except (ValueError, re.error) as error:
        # A repeated directive (%Y %Y) is a repeated group in the expression that Python compiles.
        raise ValueError(f"got {value!r}, {wanted}: {error}") from None
    if not _YEAR.search(value.replace("%%", "")):
        raise ValueError(f"got {value!r}, {wanted}")
    if read == after:
        raise ValueError(
            f"got {value!r}, {wanted}; weeks without a day are all read as one date, "
            "write '%G-W%V-%u', or natural for names such as 2024-W09"
        )
    return value


def _next(start: datetime, order: str) -> datetime:
    """Return the first time after a start, in the finest unit of a format, with another name."""
    text = start.strftime(order)
    for step in _STEPS:
        if (start + step).strftime(order) != text:
            return start + step
    years, month = divmod(start.month, 12)
    other = start.replace(year=start.year + years, month=month + 1)
    return other if other.strftime(order) != text else start.replace(year=start.year + 1)


class Calendar(Spec):
    """The batches that datasets share, in order. `calendar: month` is short for `{name: month}`."""

    name: Name
    """Datasets on the same calendar are joined batch by batch, and must agree on its order."""
    order: Annotated[str, AfterValidator(_order)] = NATURAL
    """`natural` (runs of digits count as numbers: 9, 10, 11), or the date format of batch names for
    Python's `strptime` (`%b %Y` for `Jan 2024`). A name that does not match is refused."""

    def matches(self, batch: str) -> bool:
        """Return whether a batch may have this name."""
        return batch == UNASSIGNED or self.order == NATURAL or self._date(batch) is not None

    def place(self, batch: str) -> tuple[datetime, tuple[str | int, ...]]:
        """Return a batch's place in the order; two names with one place mean the same batch.

        A name that does not match the date format comes before all that do, as does `unassigned`.
        """
        if batch == UNASSIGNED:
            return datetime.min, ()
        date = None if self.order == NATURAL else self._date(batch)
        return (datetime.min, natural(spelled(batch))) if date is None else (date, ())

    def period(self, batch: str) -> tuple[datetime, datetime] | None:
        """Return when a batch begins and when the next does: a day, month … by the date format.

        None in natural order, for a name that does not match, and at the end of the year 9999.
        """
        date = None if self.order == NATURAL else self._date(batch)
        try:
            return None if date is None else (date, _next(date, self.order))
        except (ValueError, OverflowError):
            return None

    def rank(self, batch: str) -> tuple[datetime, tuple[str | int, ...], str]:
        """Return the sort key of batches: their place, then their text."""
        return *self.place(batch), batch

    def sorted(self, batches: Iterable[str]) -> list[str]:
        """Return batches in order."""
        return sorted(batches, key=self.rank)

    def _date(self, batch: str) -> datetime | None:
        try:
            return datetime.strptime(batch, self.order).replace(tzinfo=None)
        except ValueError:
            return None


def _long(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


Named = Annotated[Calendar, BeforeValidator(_long, json_schema_input_type=str | Calendar)]
"""A calendar as written in a spec: its name, or a mapping."""


def natural(text: str) -> tuple[str | int, ...]:
    """Return a sort key of texts in which runs of digits count as numbers.

    >>> sorted(["b10", "b9", "a"], key=natural)
    ['a', 'b9', 'b10']
    """
    parts = re.split(r"([0-9]+)", text)
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts))


def spelled(name: str) -> str:
    """Return a batch's name as it is stored: accented letters as one character (NFC)."""
    return unicodedata.normalize("NFC", name)
