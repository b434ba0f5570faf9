"""Figures formatted for people; values of sensitive columns never get here.

Belongs here: formatting. Does not belong here: markup (the page escapes everything).
"""

from __future__ import annotations

from typing import Any

MINUS = "\N{MINUS SIGN}"
LONGEST = 40


def number(value: float | None) -> str:
    """Return a figure with four digits and a true minus sign; a dash for none.

    >>> number(13.1512), number(0.025141), number(123456.0), number(1e300)
    ('13.15', '0.02514', '123,456', '1e+300')
    """
    if value is None:
        return "\N{EN DASH}"
    if 1e4 <= abs(value) < 1e15:
        text = f"{value:,.0f}"
    else:
        # A year, or a time of day as hhmm, is easier to read without a comma.
        text = f"{value:.0f}" if abs(value) < 1e4 and value == int(value) else f"{value:.4g}"
    return text.replace("-", MINUS)


def percent(share: float) -> str:
    """Return a share in percent, with enough digits to tell it from none and from all.

    >>> percent(0.1234), percent(0.0004), percent(0.00001), percent(0.9996), percent(1.0)
    ('12.3%', '0.04%', '<0.01%', '99.96%', '100%')
    """
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if 0 < share < 0.0001:
        return "<0.01%"
    if share > 0.9999:
        return ">99.99%"
    text = f"{share:.2f}" if (share := share * 100) < 1 or share > 99 else f"{share:.1f}"
    return f"{text.removesuffix('.0')}%"


def quoted(value: Any) -> str:
    """Return a value in quotes, truncated if it is long."""
    text = str(value)
    return f"'{text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}'"


def listed(items: list[str], most: int = 5) -> str:
    """Return the first items, and the number of the others."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
