"""What a file of any format is read into, before its columns meet the contract.

Belongs here: the shared shape. Does not belong here: formats, types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa


class Unreadable(Exception):
    """A file that cannot be taken apart into records; becomes a refusal, never a crash."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = f"file.{what}"
        self.reason = reason


@dataclass(frozen=True)
class Broken:
    """A record that does not come apart into the header's columns."""

    line: int
    rule: str
    reason: str
    text: str


@dataclass(frozen=True)
class Source:
    """The records of a file, each either whole or broken."""

    names: Sequence[str]
    """Column names as in the file, in order."""
    columns: Sequence[pa.Array]
    """The whole records: text from CSV, typed from Parquet, missing values null."""
    lines: pa.Array
    """int64, where each whole record starts."""
    broken: Sequence[Broken]
    text: Callable[[int], str] | None
    """From the line of a record to its text; None where the file is no text."""
    warnings: Sequence[str] = ()
    damaged: bool = False
    """Some bytes were not in the declared encoding; U+FFFD stands in their place."""
    nul: bool = False
    """Some values may hold a NUL byte."""
