"""How a landed file is cut into batches: by the values of a column, or by the period of its times.

Belongs here: what `landing.batch` says, and what batches are then called. Does not belong here:
reading files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

OF = re.compile(r"(\w+) of (.+)")
PERIODS = ("year", "quarter", "month", "week", "day", "hour")
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
        return names[self.period or ""]


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
