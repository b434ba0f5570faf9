"""The two consoles: whatever is printed is shown as it is.

Texts come from files, specs and people: `[red]` is no colour in them, `:dog:` no picture, and no
control character reaches the terminal. What is coloured is said by `styled`.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from rich.console import Console
from rich.text import Text

_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of what moves a cursor or changes what others look like."""


class Literal(Console):
    r"""A console without markup, which shows control characters as `\x1b`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(soft_wrap=True, highlight=False, markup=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts as they are, and what `styled` made."""
        super().print(*[literal(o) if isinstance(o, str) else o for o in objects], **options)


out = Literal()
err = Literal(stderr=True)


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return texts one after the other, those with a style (`("failed", "red")`) in it."""
    plain = [literal(p) if isinstance(p, str) else (literal(p[0]), p[1]) for p in parts]
    return Text.assemble(*plain)


def literal(text: str) -> str:
    r"""Return a text that a terminal shows and does not obey: `\x1b[2J`, in letters."""
    return "".join(_shown(c) for c in text)


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
