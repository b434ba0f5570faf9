"""Rows that are too many, found before all of them are read.

Belongs here: a bound on what a body can hold, from its bytes. Does not belong here: formats.
"""

from __future__ import annotations

import re

import numpy as np

from ml_assets.serve.service.refused import many_rows

TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
SPARE = 100
"""Objects of a document besides its rows."""
LISTS = 20
"""Lists for each row that may be sent: a protocol may have one for each value."""
BLOCK = 1 << 20


def few_brackets(body: bytes, most: int) -> None:
    """Raise Refused if a JSON text has more objects than `most` rows can be, or too many lists.

    A megabyte of them takes many megabytes of memory.
    """
    if _few(body, most):
        return
    if not _few(TEXT.sub(b"", body), most):
        raise many_rows(most)


def _few(body: bytes, most: int) -> bool:
    return body.count(b"{") <= most + SPARE and body.count(b"[") <= LISTS * most + SPARE


def end_of_line(text: bytes, line: int) -> int:
    r"""Return where a line of a text (from 1) ends, by LF or CR, or the text.

    >>> end_of_line(b"a\nb\nc", 2), end_of_line(b"a\nb\nc", 3)
    (4, 5)
    """
    seen = 0
    for start in range(0, len(text), BLOCK):
        part = np.frombuffer(text, np.uint8, min(BLOCK, len(text) - start), start)
        ends = np.flatnonzero((part == ord("\n")) | (part == ord("\r")))
        if seen + len(ends) >= line:
            return start + int(ends[line - seen - 1]) + 1
        seen += len(ends)
    return len(text)
