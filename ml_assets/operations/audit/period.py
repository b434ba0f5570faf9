"""The period of an audit.

Belongs here: reading its ends, and what lies in it. Does not belong here: what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ml_assets.errors import RequestError
from ml_assets.store.promotions import utc

EXAMPLE = "2026-01-31, or 2026-01-31T12:00 (UTC)"


@dataclass(frozen=True)
class Period:
    """From a time on, until before another (ISO, UTC, to the millisecond)."""

    start: str
    end: str

    def __contains__(self, at: object) -> bool:
        """Return whether a recorded time is in it."""
        return isinstance(at, str) and self.start <= at < self.end

    def overlaps(self, since: str, until: str | None) -> bool:
        """Return whether something that lasted from one time to another, or still does, is."""
        return since < self.end and (until is None or until > self.start)


def period(start: str | None, end: str | None, first: str, now: str) -> Period:
    """Return the period of two texts, by default from the first record to now.

    A day as its end is in it. Raises RequestError for what is no time, and for an empty period.
    """
    wrong = [
        f"{option} {text!r} is not a time; wanted e.g. {EXAMPLE}"
        for option, text in (("--from", start), ("--to", end))
        if text is not None and not _is_time(text)
    ]
    if wrong:
        raise RequestError("; ".join(wrong))
    found = Period(first if start is None else utc(start), now if end is None else utc(_after(end)))
    if found.start >= found.end:
        raise RequestError(
            f"nothing lies from {found.start} to {found.end}; wanted --from before --to"
        )
    return found


def _is_time(text: str) -> bool:
    try:
        utc(_after(text))
    except (ValueError, OverflowError):
        return False
    return True


def _after(text: str) -> str:
    """Return where a period with this end stops: a day is in it as a whole.

    >>> _after("2026-01-31"), _after("2026-01-31T12:00")
    ('2026-02-01', '2026-01-31T12:00')
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        datetime.fromisoformat(text)
        return text
    return (day + timedelta(days=1)).isoformat()
