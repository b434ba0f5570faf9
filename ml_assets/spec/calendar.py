"""A calendar: a named set of batches and the order in which they follow each other.

Batches are never compared as texts anywhere else: `9` comes before `10`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from ml_assets.spec.base import Name, Spec

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
        # What stands twice (%Y %Y) is a group twice in the expression that Python makes of it.
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
    """The batches that datasets share, in order. `calendar: month` is short for its name alone."""

    name: Name
    """Datasets that name the same calendar join batch with batch, and must agree on its order."""
    order: Annotated[str, AfterValidator(_order)] = NATURAL
    """`natural` (digits count as numbers: 9, 10, 11), or the date format of batch names, as
    Python's `strptime` takes it (`%b %Y` for `Jan 2024`). A name that does not match is refused."""

    def matches(self, batch: str) -> bool:
        """Tell whether a batch may have this name."""
        return self.order == NATURAL or self._date(batch) is not None

    def place(self, batch: str) -> tuple[datetime, tuple[str | int, ...]]:
        """Return where a batch stands; two names with one place mean the same batch.

        A name that does not match the date format stands before all that do.
        """
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
        """Return what batches are sorted by: their place, within one place their text."""
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
"""A calendar as people write it: its name, or a mapping."""


def natural(text: str) -> tuple[str | int, ...]:
    """Return what texts are sorted by so that runs of digits count as numbers.

    >>> sorted(["b10", "b9", "a"], key=natural)
    ['a', 'b9', 'b10']
    """
    parts = re.split(r"([0-9]+)", text)
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts))


def spelled(name: str) -> str:
    """Return a batch's name as it is kept: a letter with an accent as one character (NFC)."""
    return unicodedata.normalize("NFC", name)
