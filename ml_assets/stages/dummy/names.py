"""Invented texts: names of rows, sensitive values, values that are too rare to be said."""

from __future__ import annotations

import re
from collections.abc import Collection
from random import Random

from ml_assets.errors import RequestError

_TRIES = 100


def invented(
    column: str, pattern: str | None, numbers: Collection[int], never: Collection[str] = ()
) -> list[str]:
    """Return a text for each number: always the same for a column, its pattern and a number.

    None is one of `never`. Raises RequestError if no text that matches the pattern is found.
    """
    if pattern is None:
        return [f"{column}-{number:05d}" for number in numbers]
    try:
        from rstr import Rstr
    except ImportError:
        said = f"values of {column} must match a pattern, which needs a package"
        raise RequestError(f"{said}: pip install 'ml_assets[dummy]'") from None
    compiled = re.compile(pattern)
    known: dict[int, str] = {}
    for number in set(numbers):
        draw = Rstr(Random(f"{column} {number}")).xeger
        texts = (draw(pattern) for _ in range(_TRIES))
        fits = (t for t in texts if t == t.strip() and t not in never and compiled.fullmatch(t))
        text = next(fits, None)
        if text is None:
            said = f"found no text for {column} that matches {pattern!r}"
            raise RequestError(f"{said}; give the column `allowed` values, or a simpler pattern")
        known[number] = text
    return [known[number] for number in numbers]
