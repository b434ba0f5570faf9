"""Rows that are too many, found before all of them are read.

Belongs here: a bound on what a body can hold, from its bytes. Does not belong here: formats.
"""

from __future__ import annotations

import re

import numpy as np

from ml_assets.serve.service.refused import many_rows

BRACKET = re.compile(rb'(?:[^"\[{]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"?+)*+([\[{]?)', re.DOTALL)
"""All up to the next bracket outside of texts; possessive, since what could be taken back is kept
in memory: a hundred times the text."""
SPARE = 100
"""Objects of a document besides its rows."""
LISTS = 20
"""Lists for each row that may be sent: a protocol may have one for each value."""
BLANK = 20
"""Blank lines for each row that may be sent: they are no rows, but are looked at."""
BLOCK = 1 << 20


def few_brackets(body: bytes, most: int) -> None:
    """Raise Refused if a JSON text has more objects than `most` rows can be, or too many lists.

    A megabyte of them takes many megabytes of memory.
    """
    objects, lists = most + SPARE, LISTS * most + SPARE
    if body.count(b"{") <= objects and body.count(b"[") <= lists:
        return
    for found in BRACKET.finditer(body):
        objects -= found[1] == b"{"
        lists -= found[1] == b"["
        if objects < 0 or lists < 0:
            raise many_rows(most)


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


def few_blank_lines(text: bytes, most: int) -> None:
    """Raise Refused if a text has many times more blank lines than `most` rows."""
    found = 0
    for start in range(0, len(text), BLOCK):
        part = np.frombuffer(text, np.uint8, min(BLOCK, len(text) - start), start)
        first, second = part[:-1], part[1:]
        ends = (second == ord("\n")) & (first == ord("\n"))
        found += int(np.count_nonzero(ends))
        # The second of LF CRLF or CR CR begins a line end of its own.
        ends = (second == ord("\r")) & ((first == ord("\n")) | (first == ord("\r")))
        found += int(np.count_nonzero(ends))
        if found > BLANK * most:
            raise many_rows(most)
