"""How names and values are written into YAML, into expressions and into sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import yaml

from ml_assets.walk import shown

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ()%/.-]*[A-Za-z0-9_()%]|[A-Za-z_]")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def scalar(text: str) -> str:
    """Return a text as a YAML scalar, in quotes where it would be read as something else.

    >>> scalar("tenure"), scalar("no"), scalar("a: b"), scalar("1")
    ('tenure', '"no"', '"a: b"', '"1"')
    """
    if PLAIN.fullmatch(text) and yaml.safe_load(text) == text and text.lower() not in ("y", "n"):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


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


def comment(text: str, indent: int = 0, width: int = 100) -> list[str]:
    """Return a text as comment lines."""
    import textwrap

    plain = " ".join(shown(part) for part in text.split())
    prefix = f"{' ' * indent}# "
    return textwrap.wrap(
        plain, width, initial_indent=prefix, subsequent_indent=prefix, break_on_hyphens=False
    )
