"""Constants of expressions: numbers, texts, times and durations, each within bounds.

Belongs here: reading one constant, and arithmetic between two. ValueError says what is wrong.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

Number = int | float
UNITS = {
    "d": 86400.0,
    "day": 86400.0,
    "h": 3600.0,
    "hour": 3600.0,
    "min": 60.0,
    "minute": 60.0,
    "s": 1.0,
    "second": 1.0,
    "ms": 0.001,
}
_AMOUNT = re.compile(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]{1,7})", re.ASCII)
LONGEST = 3_650_000
"""Days of the longest duration."""
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def number(value: Number) -> Number:
    """Return the number if a column could hold it; ValueError if it is too large."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a number is too large for 64 bits")
    elif not -(2**63) <= value < 2**63:
        raise ValueError(
            "a whole number is too large (wanted -9223372036854775808 to 9223372036854775807)"
        )
    return value


def text(value: str) -> str:
    """Return a text that a column could hold; ValueError if UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{value!r} holds half a character (U+D800 to U+DFFF)") from None
    return value


def combined(operation: ast.operator, left: Number, right: Number) -> Number:
    """Return the result of arithmetic between two constants; ValueError if there is none."""
    if isinstance(operation, ast.Pow) and abs(left) > 1 and abs(right) > 1024:
        raise ValueError(f"{left} ** {right} is too large to compute")
    try:
        result = ARITHMETIC[type(operation)](left, right)
    except (ZeroDivisionError, OverflowError) as error:
        raise ValueError(f"arithmetic between constants: {error}") from None
    if isinstance(result, complex):
        raise ValueError(
            "arithmetic between constants: a root of a negative number is not a real number"
        )
    constant: Number = number(result)
    return constant


def instant(text: str) -> datetime:
    """Return the time that a text denotes, in UTC (the default zone); otherwise ValueError."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time; write '2024-01-31', '2024-01-31T12:00' or "
            "'2024-01-31T12:00+01:00'"
        ) from None


def duration(text: str) -> timedelta:
    """Return the duration that a text such as `1h 30min` denotes; otherwise ValueError."""
    sign, rest = (-1, text[1:].lower()) if text.startswith("-") else (1, text.lower())
    seconds, at = 0.0, 0
    for part in _AMOUNT.finditer(rest):
        amount, unit = part.groups()
        known = unit if unit in UNITS else unit.removesuffix("s")
        if part.start() != at or known not in UNITS:
            break
        seconds, at = seconds + float(amount) * UNITS[known], part.end()
    if at == 0 or rest[at:].strip():
        raise ValueError(
            f"{text!r} is not a duration; write '90s', '15min', '1h 30min' or '2 days'"
        )
    if seconds > LONGEST * UNITS["day"]:
        raise ValueError(f"{text!r} is too long (wanted at most {LONGEST:,} days)")
    return sign * timedelta(seconds=seconds)
