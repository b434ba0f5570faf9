"""Numbers as people write them: `12.5 USD`, `21,5`, `1.234,50`, `$1,200`, `30%`.

Belongs here: the grammar of decorated numbers. Does not belong here: columns, decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""What needs no declaration to be read as a number."""
CODED = r"^(\+[0-9]{7}|[+-]?0[0-9])"
"""A plain number that is a code: a leading zero, or a telephone number's plus."""
SPACE = "\u00a0\u202f' "
"""Characters that separate thousands in some countries."""
_BODY = r"[0-9][0-9.,\u00a0\u202f' ]*[0-9]|[0-9]"
_CURRENCY = r"[$€£¥₹]|[A-Z]{2}\$|USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|SEK|NOK|DKK|PLN|BRL|Rs\.?"
_UNIT = r"[^\W\d_]{1,12}\.?|[$€£¥₹%‰°]+[A-Za-z]{0,2}|[A-Za-z]{1,4}[/²³][A-Za-z0-9²³]{0,6}"
DECORATED = re.compile(
    rf"[+-]?(?P<before>(?:{_CURRENCY})?)\s*(?:(?<=[$€£¥₹])-)?(?P<body>{_BODY}|\.[0-9]+)"
    rf"\s*(?P<after>(?:{_UNIT})?)"
)
_DOT = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?|[0-9]+(\.[0-9]+)?|\.[0-9]+")
_COMMA = re.compile(r"[0-9]{1,3}(\.[0-9]{3})+(,[0-9]+)?|[0-9]+(,[0-9]+)?")
_BLANK_DOT = re.compile(rf"[0-9]{{1,3}}([{SPACE}][0-9]{{3}})+(\.[0-9]+)?")
_BLANK_COMMA = re.compile(rf"[0-9]{{1,3}}([{SPACE}][0-9]{{3}})+(,[0-9]+)?")
_INDIAN = re.compile(r"[0-9]{1,3}(,[0-9]{2})+,[0-9]{3}(\.[0-9]+)?")


@dataclass(frozen=True)
class Writing:
    """How the numbers of a column are written."""

    decimal: str = "."
    thousands: str | None = None
    strip: tuple[str, ...] = ()


def writing(texts: Iterable[str]) -> Writing | None:
    """Return how all of these texts are numbers, or None.

    Where one comma or point stands before exactly three digits in every text, it separates
    thousands if it is a comma, and decimals if it is a point.

    >>> writing(["21,5", "30"])
    Writing(decimal=',', thousands=None, strip=())
    >>> writing(["12.5 USD", "1,200 USD"])
    Writing(decimal='.', thousands=',', strip=('USD',))
    >>> writing(["1.234,50", "7"]).thousands, writing(["A-12"]), writing(["2 ft", "3 in"])
    ('.', None, None)
    """
    bodies = list[str]()
    before, after = set[str](), set[str]()
    for text in texts:
        match = DECORATED.fullmatch(text)
        if match is None:
            return None
        before.add(match["before"])
        after.add(match["after"])
        bodies.append(match["body"])
    sides = sorted((before | after) - {""})
    # 3 ft and 5 in, or 2K and 1M, are not numbers of one scale.
    if not bodies or len(before - {""}) > 1 or len(after - {""}) > 1:
        return None
    marks = _marks(bodies)
    return None if marks is None else Writing(*marks, strip=tuple(sides))


def _marks(bodies: list[str]) -> tuple[str, str | None] | None:
    """Return the decimal and the thousands mark that fit all numbers."""
    spaces = {c for body in bodies for c in body if c in SPACE}
    if len(spaces) > 1:
        return None
    if spaces:
        mark = spaces.pop()
        plain = [body for body in bodies if mark not in body]
        grouped = [body for body in bodies if mark in body]
        if all(_BLANK_COMMA.fullmatch(b) for b in grouped) and all(
            re.fullmatch(r"[0-9]{1,3}(,[0-9]+)?", b) for b in plain
        ):
            return (",", mark)
        if all(_BLANK_DOT.fullmatch(b) for b in grouped) and all(
            re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?", b) for b in plain
        ):
            return (".", mark)
        return None
    commas = any("," in body for body in bodies)
    if all(_DOT.fullmatch(body) or _INDIAN.fullmatch(body) for body in bodies):
        return (".", "," if commas else None)
    if all(_COMMA.fullmatch(body) for body in bodies):
        return (",", "." if any("." in body for body in bodies) else None)
    return None


def bared(texts: pa.Array, how: Writing) -> pa.Array:
    """Return texts written so as plain numbers; a text that is none stays none.

    >>> bared(pa.array(["-1.234,50 €"]), Writing(",", ".", ("€",))).to_pylist()
    ['-1234.50']
    """
    for side in how.strip:
        texts = pc.replace_substring(texts, side, "")
    if how.thousands:
        texts = pc.replace_substring(texts, how.thousands, "")
    if how.decimal != ".":
        texts = pc.replace_substring(texts, how.decimal, ".")
    return pc.replace_substring_regex(texts, r"[\s\x{a0}\x{202f}]+", "")
