"""How a landed file is cut into batches: by the values of a column, or by the period of its times.

Belongs here: what `landing.batch` says, periods, and what they are called. Does not belong here:
reading files, zones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

OF = re.compile(r"(\w+) of (.+)")
Period = Literal["year", "quarter", "month", "week", "day", "hour"]
PERIODS: tuple[str, ...] = get_args(Period)
_LENGTHS = {
    "week": timedelta(days=7),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
}
_MONTHS = {"year": 12, "quarter": 3, "month": 1}
UNASSIGNED = "unassigned"
"""The batch of rows that say no batch. It is never usable: no model sees them."""
TIMES = ("timestamp", "date")
VALUES = ("text", "category", "integer", "date")


@dataclass(frozen=True)
class Cut:
    """The column that says a row's batch; without a period its values are the names."""

    column: str
    period: str | None = None

    def name(self, time: datetime) -> str:
        """Return the batch of a time, by its own clock.

        >>> Cut("at", "quarter").name(datetime(2024, 5, 1))
        '2024-Q2'
        >>> Cut("at", "week").name(datetime(2024, 12, 30))
        '2025-W01'
        """
        return named(self.period or "", time)


def named(period: str, time: datetime) -> str:
    """Return what the period of a time is called, by the time's own clock."""
    text = time.isoformat()
    year, week, _ = time.isocalendar()
    names = {
        "year": text[:4],
        "quarter": f"{text[:4]}-Q{(time.month + 2) // 3}",
        "month": text[:7],
        "week": f"{year:04}-W{week:02}",
        "day": text[:10],
        "hour": text[:13],
    }
    return names[period]


def begin(period: str, time: datetime) -> datetime:
    """Return when the period of a time begins."""
    hour = time.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    if period == "hour":
        return hour
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "day":
        return day
    months = _MONTHS[period]
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def after(period: str, start: datetime) -> datetime:
    """Return when the next period begins; ValueError or OverflowError after the year 9999."""
    if period in _LENGTHS:
        return start + _LENGTHS[period]
    years, month = divmod(start.month - 1 + _MONTHS[period], 12)
    return start.replace(year=start.year + years, month=month + 1)


def read(period: str, name: str) -> datetime | None:
    """Return when the period of a name begins; None for a name that is not of one.

    >>> read("week", "2025-W01")
    datetime.datetime(2024, 12, 30, 0, 0)
    >>> read("month", "2025-1")
    """
    quarter = re.fullmatch(r"([0-9]{4})-Q([1-4])", name)
    text = f"{quarter[1]}-{int(quarter[2]) * 3 - 2:02}" if quarter else name
    text, form = {
        "year": (text, "%Y"),
        "quarter": (text, "%Y-%m"),
        "month": (text, "%Y-%m"),
        "week": (f"{text}-1", "%G-W%V-%u"),
        "day": (text, "%Y-%m-%d"),
        "hour": (text, "%Y-%m-%dT%H"),
    }[period]
    try:
        moment = datetime.strptime(text, form)
    except ValueError:
        return None
    return moment if named(period, moment) == name else None


def cut_of(text: str) -> Cut:
    """Return what `month of at` or `shop` says; ValueError for a period that is none."""
    match = OF.fullmatch(text)
    if match is None:
        return Cut(text)
    if match[1] not in PERIODS:
        raise ValueError(
            f"got {text!r}, wanted {', '.join(PERIODS)} of a time column (like 'month of at'), "
            "or a column whose values are the batches' names"
        )
    return Cut(match[2], match[1])
