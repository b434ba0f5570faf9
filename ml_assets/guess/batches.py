"""How the files of a dataset become batches: by their names, or by the time in them.

Belongs here: names of files, periods. Does not belong here: landing (`engine`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ml_assets.errors import RequestError

FEWEST, MOST = 5, 60
"""Batches to aim at: fewer cannot be split by time, more take long."""
ROWS = 20
"""Least rows of a batch on average."""
EPOCH = date(1970, 1, 1)
CALENDARS = (
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}", "day"),
    (r"[0-9]{4}-[0-9]{2}|[0-9]{6}", "month"),
    (r"[0-9]{4}-?[WwKk][0-9]{2}", "week"),
    (r"[0-9]{4}-?[Qq][1-4]", "quarter"),
    (r"(?:19|20)[0-9]{2}", "year"),
)


@dataclass(frozen=True)
class Files:
    """The pattern of files' names, and the calendar of the batches in it, if any."""

    pattern: str
    calendar: str | None = None
    evidence: str = ""


def files_of(names: Sequence[str]) -> Files:
    r"""Return the pattern that fits all files of a dataset and the like.

    Raises RequestError where several names do not differ by a date or number.

    >>> files_of(["churn.csv"]).pattern
    'churn\\.csv'
    >>> files_of(["s-2024-01.csv", "s-2024-02.csv"])
    Files(pattern='s-(?P<batch>[0-9]{4}-[0-9]{2})\\.csv', calendar='month', evidence='2 files')
    """
    if len(names) == 1:
        return Files(re.escape(names[0]).replace(r"\-", "-").replace(r"\ ", " "))
    before = _shared(names)
    after = _shared([name[::-1] for name in names])[::-1]
    # A digit or dash beside the difference belongs to the date.
    before = re.sub(r"[0-9][0-9_.-]*$", "", before)
    after = re.sub(r"^[0-9_.-]*[0-9]", "", after)
    parts = [name[len(before) : len(name) - len(after)] for name in names]
    odd = [part for part in parts if not re.fullmatch(r"[0-9WwQqKk_.-]*[0-9]+", part)]
    if odd or len(set(parts)) < len(parts):
        shown = ", ".join(names[:3])
        raise RequestError(
            f"{shown}: the names do not differ by a date or a number alone; wanted batches of one "
            "table such as sales-2024-01.csv and sales-2024-02.csv, or one file for each dataset"
        )
    body, calendar = _body(parts)
    pattern = f"{_literal(before)}(?P<batch>{body}){_literal(after)}"
    return Files(pattern, calendar, f"{len(names)} files")


def _shared(names: Sequence[str]) -> str:
    """Return the beginning that all names share."""
    least, most = min(names), max(names)
    same = (place for place, c in enumerate(least) if most[place : place + 1] != c)
    return least[: next(same, len(least))]


def _body(parts: Sequence[str]) -> tuple[str, str]:
    for pattern, calendar in CALENDARS:
        for form in pattern.split("|"):
            if all(re.fullmatch(form, part) for part in parts):
                return form, calendar
    shapes = {re.sub(r"[0-9]+", "9", part) for part in parts}
    if len(shapes) == 1:
        return re.escape(shapes.pop()).replace("9", "[0-9]+").replace(r"\-", "-"), "delivery"
    return "[0-9A-Za-z_.-]+", "delivery"


def _literal(text: str) -> str:
    return re.escape(text).replace(r"\-", "-").replace(r"\ ", " ")


def period_of(days: Counter[int]) -> tuple[str, int] | None:
    """Return the period that cuts some days' rows into 5 to 60 batches, and how many.

    Months are preferred, then years, weeks, quarters and days.

    >>> period_of(Counter(dict.fromkeys(range(0, 365), 10)))
    ('month', 12)
    """
    rows = sum(days.values())
    for period in ("month", "year", "week", "quarter", "day"):
        count = len({_period(day, period) for day in days})
        if FEWEST <= count <= MOST and rows >= ROWS * count:
            return period, count
    return None


def _period(day: int, period: str) -> tuple[int, ...]:
    try:
        start = EPOCH + timedelta(days=day)
    except OverflowError:
        return (day,)
    if period == "year":
        return (start.year,)
    if period == "month":
        return (start.year, start.month)
    if period == "quarter":
        return (start.year, (start.month - 1) // 3)
    if period == "week":
        return tuple(start.isocalendar()[:2])
    return (day,)
