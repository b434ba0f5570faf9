"""Ranges and sets that new rows may be expected to keep to, with slack.

Belongs here: what a contract promises of values. Does not belong here: what a column is.
"""

from __future__ import annotations

import math

from ml_assets.guess import hints
from ml_assets.guess.profile import ColumnProfile

Range = tuple[float | None, float | None]
SET = 40
"""Most values of a set that a person can check."""
OFTEN = 5
"""Least rows of each value of a set: one that is seen less often hints at others to come."""
LARGEST = 1e99


def range_of(column: ColumnProfile) -> Range | None:
    """Return the smallest and largest number to expect, None for no limit on that side.

    Half the span below and a whole span above what was found, rounded outwards; 0 where nothing
    is below it; the globe for degrees, 0 to 100 for percentages.
    """
    low, high = column.min, column.max
    if low is None or high is None or column.type not in ("integer", "number"):
        return None
    if max(abs(low), abs(high)) > LARGEST or column.kind == "datetime":
        return None
    for limit, names in ((90.0, hints.LATITUDE), (180.0, hints.LONGITUDE)):
        if hints.has(column.name, names) and -limit <= low and high <= limit:
            return (-limit, limit)
    if column.unit == "%" and low >= 0 and high <= 100:
        return (0.0, 100.0)
    if column.type == "integer" and hints.has(column.name, hints.YEAR) and low > 1000:
        return (rounded(low - 100, up=False), rounded(high + 100, up=True))
    span = max(high - low, abs(high) / 2, 1.0 if column.type == "integer" else 0.0)
    if low >= 0:
        return (0.0, rounded(high + span, up=True))
    return (rounded(low - span / 2, up=False), 0.0 if high <= 0 else rounded(high + span, up=True))


def rounded(number: float, up: bool) -> float:
    """Return a number rounded outwards to two digits.

    >>> rounded(17351.2, up=True), rounded(-5.23, up=False), rounded(0.0, up=True)
    (18000.0, -5.3, 0.0)
    """
    if number == 0:
        return 0.0
    power = math.floor(math.log10(abs(number))) - 1
    step = 10.0 ** abs(power)
    scaled = number / step if power >= 0 else number * step
    whole = math.ceil(scaled - 1e-9) if up else math.floor(scaled + 1e-9)
    return whole * step if power >= 0 else whole / step


def set_of(column: ColumnProfile) -> tuple[str, ...] | None:
    """Return the only values to expect, or None where others may come."""
    if column.type != "category" or not column.values or len(column.values) > SET:
        return None
    if min(column.values.values()) < OFTEN:
        return None
    return tuple(sorted(column.values, key=_natural))


def _natural(text: str) -> tuple[float, str]:
    try:
        return (float(text), text)
    except ValueError:
        return (math.inf, text)
