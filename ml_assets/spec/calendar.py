"""A calendar: a named set of batches, and their order.

All ordering of batches goes through here: never as texts, since `9` comes before `10`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, model_validator

from ml_assets.spec import cut
from ml_assets.spec.base import Name, Spec
from ml_assets.spec.cut import UNASSIGNED
from ml_assets.spec.mistakes import Mistakes, Place
from ml_assets.spec.spelling import known_zone

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

    name: Name = ""
    """Datasets on the same calendar are joined batch by batch, and must agree on all that it says.
    By default it is called like its period."""
    order: Annotated[str, AfterValidator(_order)] = NATURAL
    """`natural` (runs of digits count as numbers: 9, 10, 11), or the date format of batch names for
    Python's `strptime` (`%b %Y` for `Jan 2024`). A name that does not match is refused."""
    period: cut.Period | None = None
    """How long a batch lasts, so that a time says its batch. Without a date format as `order`, the
    names are like `2024`, `2024-Q2`, `2024-05`, `2024-W20`, `2024-05-13` and `2024-05-13T07`."""
    zone: Annotated[str, AfterValidator(known_zone)] | None = None
    """By whose clock a batch begins, such as `America/New_York`; by default UTC. Only with
    `period`."""

    @model_validator(mode="before")
    @classmethod
    def _named_by_its_period(cls, given: Any) -> Any:
        if isinstance(given, dict) and "name" not in given and given.get("period") in cut.PERIODS:
            return {"name": given["period"], **given}
        return given

    @model_validator(mode="after")
    def _parts_fit(self) -> Calendar:
        wrong: list[tuple[Place, str]] = []
        if not self.name:
            wrong.append((("name",), "is missing; give the calendar a name, or a period"))
        if self.zone is not None and self.period is None:
            said = f"is for the times of a period; add 'period', one of {', '.join(cut.PERIODS)}"
            wrong.append((("zone",), said))
        if self.period is not None and self.order != NATURAL:
            start = cut.begin(self.period, _EXAMPLE)
            name = start.strftime(self.order)
            if (
                self._date(name) != start
                or cut.after(self.period, start).strftime(self.order) == name
            ):
                said = f"{self.order!r} does not say which {self.period} a batch is of"
                wrong.append((("order",), f"{said}; use natural, or a format with more parts"))
        if wrong:
            raise Mistakes(wrong)
        return self

    @property
    def wanted(self) -> str:
        """What batches are called, for a message."""
        if self.period is None or self.order != NATURAL:
            return f"the order {self.order!r}"
        return f"the period {self.period} (named like {cut.named(self.period, _EXAMPLE)})"

    def matches(self, batch: str) -> bool:
        """Return whether a batch may have this name."""
        if batch == UNASSIGNED or (self.order == NATURAL and self.period is None):
            return True
        start = self._begin(batch)
        return start is not None and (self.period is None or cut.begin(self.period, start) == start)

    def batch_of(self, time: datetime | date) -> str | None:
        """Return the batch of a time, by the clock of the calendar's zone.

        A date, and a time without a zone, are by that clock already. None without a period, and
        where the zone's clock shows no year from 1 to 9999.

        >>> month = Calendar(name="month", period="month", zone="America/New_York")
        >>> month.batch_of(datetime.fromisoformat("2013-02-01T04:00+00:00"))
        '2013-01'
        """
        if self.period is None:
            return None
        if not isinstance(time, datetime):
            time = datetime(time.year, time.month, time.day)
        try:
            if time.tzinfo is not None:
                time = time.astimezone(ZoneInfo(self.zone or "UTC")).replace(tzinfo=None)
            if self.order == NATURAL:
                return cut.named(self.period, time)
            return cut.begin(self.period, time).strftime(self.order)
        except OverflowError:
            return None

    def place(self, batch: str) -> tuple[datetime, tuple[str | int, ...]]:
        """Return a batch's place in the order; two names with one place mean the same batch.

        A name that does not match the date format comes before all that do, as does `unassigned`.
        """
        if batch == UNASSIGNED:
            return datetime.min, ()
        date = None if self.order == NATURAL else self._date(batch)
        return (datetime.min, natural(spelled(batch))) if date is None else (date, ())

    def span(self, batch: str) -> tuple[datetime, datetime] | None:
        """Return when a batch begins and when the next does, by the clock of the zone.

        They follow from `period`, or else from the date format: a day, month … by its finest part.
        None for a name that says no time, and at the end of the year 9999.
        """
        start = self._begin(batch)
        try:
            if start is None:
                return None
            if self.period is not None:
                return start, cut.after(self.period, start)
            return start, _next(start, self.order)
        except (ValueError, OverflowError):
            return None

    def rank(self, batch: str) -> tuple[datetime, tuple[str | int, ...], str]:
        """Return the sort key of batches: their place, then their text."""
        return *self.place(batch), batch

    def sorted(self, batches: Iterable[str]) -> list[str]:
        """Return batches in order."""
        return sorted(batches, key=self.rank)

    def _begin(self, batch: str) -> datetime | None:
        """Return when a batch begins, by its name."""
        if self.order != NATURAL:
            return self._date(batch)
        return None if self.period is None else cut.read(self.period, batch)

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
