"""Figures formatted for people.

Belongs here: numbers and counts in texts. Does not belong here: sentences of one rule (`rules`).
"""

from __future__ import annotations

IN_UNIT = ("mae", "rmse", "median_ae", "pinball")


def number(metric: str, value: float | None, unit: str | None = None) -> str:
    """Return a metric's value with four digits and its unit, if it has one.

    >>> number("mae", 13.1512, "min"), number("log_loss", 0.025141, "min"), number("mae", None)
    ('13.15 min', '0.02514', 'no value')
    """
    if value is None:
        return "no value"
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:#.4g}".rstrip(".")
    text = text.replace("-", "\N{MINUS SIGN}")
    return f"{text} {unit}" if unit and metric.startswith(IN_UNIT) else text


def count(number: int, what: str) -> str:
    """Return a count with its noun.

    >>> count(1, "row"), count(2500, "row")
    ('1 row', '2,500 rows')
    """
    return f"{number:,} {what}" + ("" if number == 1 else "s")
