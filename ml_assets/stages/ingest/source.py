"""A file of any format as read, before its columns are matched to the contract.

Belongs here: the shared shape. Does not belong here: formats, types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa


class Unreadable(Exception):
    """A file that cannot be split into records; leads to a refusal, never a crash."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = f"file.{what}"
        self.reason = reason


@dataclass(frozen=True)
class Broken:
    """A record that does not match the header's columns."""

    line: int
    rule: str
    reason: str
    text: str


@dataclass(frozen=True)
class Lacking:
    """A part of a folder without some of the columns that other parts have."""

    name: str
    records: range
    columns: frozenset[str]


@dataclass(frozen=True)
class Source:
    """The records of a file, each either whole or broken."""

    names: Sequence[str]
    """Column names as in the file, in order."""
    columns: Sequence[pa.Array]
    """The whole records, of text or typed; the texts of missing values may still be in them."""
    lines: pa.Array
    """int64, the line on which each whole record starts."""
    broken: Sequence[Broken]
    text: Callable[[int], str] | None
    """From the line of a record to its text; None if the file is not text."""
    warnings: Sequence[str] = ()
    damaged: bool = False
    """Some bytes were invalid in the declared encoding and were replaced by U+FFFD."""
    unclosed: int | None = None
    """The line on which a quote opens that is never closed; all from there on is broken."""
    nul: bool = False
    """Some values may hold a NUL byte."""
    nulls: frozenset[str] = frozenset()
    """Texts of missing values that are no longer in any column."""
    padded: bool = True
    """Texts may have blanks around them."""
    own: bool = False
    """The format has missing values, so that of texts only a column's own `null_values` count."""
    lacks: Sequence[Lacking] = ()
    """Of a folder: the parts whose records have missing values for want of a column."""
