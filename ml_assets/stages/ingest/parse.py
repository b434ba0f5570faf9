"""From one text to one value: what counts as an integer, a number, a date.

Belongs here: the grammar of each logical type. Does not belong here: columns, tables.
Each function returns None for a text that is not of its type. Surrounding whitespace is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ml_assets.stages.schema import LARGEST

INTEGER = re.compile(r"[+-]?[0-9]+(\.0*)?")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6}0*)?)?))?"
    r" ?(Z|z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|z)?)?")
TRUE = frozenset({"true", "t", "yes", "y", "1"})
FALSE = frozenset({"false", "f", "no", "n", "0"})
MOST = 2**63 - 1
BLANKS = " \t"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS = (date.min - EPOCH.date()).days, (date.max - EPOCH.date()).days + 1
"""First day, and the day after the last: the years 1 to 9999, Python's range."""
SECONDS = DAYS[0] * 86_400, DAYS[1] * 86_400


def integer(text: str) -> int | None:
    """Return a 64-bit integer: `517`, `-3`, `517.0`.

    >>> integer("517.0"), integer("517.5"), integer("1e3"), integer("9223372036854775808")
    (517, None, None, None)
    """
    text = text.strip(BLANKS)
    if not INTEGER.fullmatch(text) or len(text) > 300:
        return None
    amount = int(text.partition(".")[0])
    return amount if -MOST - 1 <= amount <= MOST else None


def number(text: str) -> float | None:
    """Return a number up to 1e100 in magnitude: `1.5`, `-.5`, `1e3`; never nan, inf or `1_000`."""
    text = text.strip(BLANKS)
    if not NUMBER.fullmatch(text):
        return None
    amount = float(text)
    return amount if abs(amount) <= LARGEST else None


def boolean(text: str) -> bool | None:
    """Return true for true, t, yes, y, 1 and false for false, f, no, n, 0, in any case."""
    text = text.strip(BLANKS).lower()
    return True if text in TRUE else False if text in FALSE else None


def timestamp(text: str) -> int | None:
    """Return microseconds since 1970 in UTC of an ISO 8601 time.

    Without an offset the time is UTC, without a time it is midnight; digits beyond a
    microsecond must be zeros. The time in UTC is also in the years 1 to 9999.

    >>> timestamp("1970-01-01T01:00:00+01:00"), timestamp("1970-01-02"), timestamp("1.1.1970")
    (0, 86400000000, None)
    """
    match = TIME.fullmatch(text.strip(BLANKS))
    if match is None or (match[3] and not match[2]):
        return None
    offset = {None: "+00:00", "Z": "+00:00", "z": "+00:00", "UTC": "+00:00"}.get(match[3], match[3])
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}{offset}")
    except ValueError:
        return None
    micros = (moment - EPOCH) // timedelta(microseconds=1)
    return micros if SECONDS[0] * 10**6 <= micros < SECONDS[1] * 10**6 else None


def day(text: str) -> date | None:
    """Return the date of `2013-01-31`; a time is accepted if it is midnight."""
    match = MIDNIGHT.fullmatch(text.strip(BLANKS))
    if match is None:
        return None
    try:
        return date.fromisoformat(match[1])
    except ValueError:
        return None


PARSERS: dict[str, Callable[[str], Any]] = {
    "integer": integer,
    "number": number,
    "boolean": boolean,
    "timestamp": timestamp,
    "date": day,
}
WANTED = {
    "integer": "a whole number (like 517)",
    "number": "a number up to 1e100 in magnitude (like 1.5)",
    "boolean": "true or false",
    "text": "text",
    "category": "text",
    "timestamp": "an ISO 8601 time in the years 1 to 9999, UTC (like 2013-01-31T10:00:00Z)",
    "date": "a date in the years 1 to 9999 (like 2013-01-31)",
}
