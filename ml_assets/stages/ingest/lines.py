"""Physical lines of a text: where each record starts, and its text.

Belongs here: counting and cutting lines. Does not belong here: values.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]


class Lines:
    """A text split at its line ends (LF, CRLF, CR) when a line is first requested."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def _all(self) -> list[bytes]:
        return self._text.splitlines()

    def between(self, start: int, stop: int) -> str:
        """Return lines start … stop - 1, 1-based."""
        return b"\n".join(self._all[start - 1 : stop - 1]).decode()

    def after(self, start: int) -> list[tuple[int, str]]:
        """Return the numbers and texts of all lines from `start` that are not empty."""
        tail = enumerate(self._all[start - 1 :], start)
        return [(number, line.decode()) for number, line in tail if line]


class Records:
    """The texts of records, by the line on which each starts."""

    def __init__(self, lines: Lines, begins: Ints | None) -> None:
        """Take the line on which each record starts, or None if each is one line."""
        self._lines, self._begins = lines, begins

    def text(self, line: int) -> str:
        """Return the text of the record that starts on a line."""
        if self._begins is None:
            return self._lines.between(line, line + 1)
        following = np.searchsorted(self._begins, line, side="right")
        return self._lines.between(line, int(self._begins[following]))


def breaks_in(text: str) -> int:
    """Return the number of line ends within a text."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def breaks_within(table: pa.Table) -> Ints:
    """Return the number of line ends within the values of each row of a table of texts, (n,)."""
    total = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        for sign, ending in ((1, "\n"), (1, "\r"), (-1, "\r\n")):
            counts = pc.fill_null(pc.count_substring(column, ending), 0)
            total += sign * counts.to_numpy().astype(np.int64)
    return total


def starts(first: int, breaks: Ints) -> Ints:
    """Return the line on which each record starts (n,), from the line ends within each (n,)."""
    return first + np.concatenate([[0], np.cumsum(breaks + 1)[:-1]]).astype(np.int64)
