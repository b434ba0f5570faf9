"""How names are written into expressions and into sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ml_assets.walk import shown

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def column(name: str) -> str:
    """Return a column's name as an expression.

    >>> column("Churn"), column("hours-per-week"), column("class")
    ('Churn', '`hours-per-week`', '`class`')
    """
    import keyword

    plain = NAME.fullmatch(name) and not keyword.iskeyword(name)
    return name if plain else f"`{name}`"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return names for a sentence, not more than a few of them."""
    every = [shown(name) for name in names]
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
