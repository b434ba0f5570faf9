"""The two consoles, stdout and stderr, which print text literally.

Text comes from files, specs and users: `[red]` in it is not a colour, `:dog:` is not an emoji, and
no control character reaches the terminal. Only `styled` adds colour.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from rich.console import Console
from rich.text import Text

_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories of characters that move the cursor or alter how other characters look."""


class Literal(Console):
    r"""A console without markup that prints control characters as `\x1b`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(soft_wrap=True, highlight=False, markup=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print strings literally, and the results of `styled` with their styles."""
        super().print(*[literal(o) if isinstance(o, str) else o for o in objects], **options)


out = Literal()
err = Literal(stderr=True)


def styled(*parts: str | tuple[str, str]) -> Text:
    """Return the parts joined; a part such as `("failed", "red")` gets its style."""
    plain = [literal(p) if isinstance(p, str) else (literal(p[0]), p[1]) for p in parts]
    return Text.assemble(*plain)


def literal(text: str) -> str:
    r"""Return the text with control characters escaped, so that a terminal prints them."""
    return "".join(_shown(c) for c in text)


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
