"""How delimited text is written: delimiter, quote, header, and the blanks that a file pads with.

Belongs here: what the spec says of the text, and texts aligned by blanks to ordinary ones.
Does not belong here: records (`delimited`), the header's names (`header`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml_assets.stages.ingest.columns import expected
from ml_assets.stages.ingest.parse import BLANKS

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import Landing


@dataclass(frozen=True)
class Dialect:
    """What a reader of delimited text must know."""

    delimiter: str
    quote: str
    """Empty if no character quotes."""
    skip: int
    """Lines before the header, or before the first record."""
    names: Sequence[str] | None
    """The file's columns, None if its header has them."""
    nulls: Sequence[str]
    """Texts of missing values in all columns; others are looked for by column."""

    @property
    def aligned(self) -> bool:
        """Whether a run of blanks and tabs is one delimiter."""
        return self.delimiter == " "


def dialect(landing: Landing, columns: Mapping[str, Column]) -> Dialect:
    """Return how a dataset's delimited files are written."""
    own = any(column.null_values is not None for column in columns.values())
    return Dialect(
        delimiter=landing.delimiter,
        quote=landing.quote,
        skip=landing.skip_lines,
        names=None if landing.header else expected(columns),
        nulls=() if own else landing.null_values,
    )


def padded(text: bytes, start: int, how: Dialect) -> bool:
    """Return whether a value may have blanks around it, from a byte of the text on."""
    marks = np.zeros(256, np.bool_)
    marks[[ord(mark) for mark in (how.delimiter, how.quote, "\n", "\r") if mark]] = True
    given = np.frombuffer(text, np.uint8)[start:]
    for blank in BLANKS:
        if blank == how.delimiter or text.find(blank.encode(), start) < 0:
            continue
        at = np.flatnonzero(given == ord(blank))
        # The first and last byte are taken for beside a mark.
        before = (at == 0) | marks[given[at - 1]]
        after = (at == len(given) - 1) | marks[given[np.minimum(at + 1, len(given) - 1)]]
        if (before | after).any():
            return True
    return False


def squeezed(text: bytes, quote: str) -> bytes:
    """Return text aligned by blanks with one blank between values and none at a line's ends.

    >>> squeezed(b'  a   "b  c"  d  ', '"')
    b'a "b  c" d'
    """
    edges = rb"(?<![^\r\n])[ \t]+|[ \t]+(?=[\r\n]|\Z)"
    mark = re.escape(quote.encode())
    if not quote or quote.encode() not in text:
        return re.sub(rb"[ \t]+", b" ", re.sub(edges, b"", text))
    value = rb"(?<![^ \t\r\n])%b(?:[^%b]|%b%b)*%b" % ((mark,) * 5)

    def kept(match: re.Match[bytes]) -> bytes:
        return match["value"] or (b"" if match["edge"] else b" ")

    whole = rb"(?P<value>%b)|(?P<edge>%b)|[ \t]+" % (value, edges)
    return re.sub(whole, kept, text)
