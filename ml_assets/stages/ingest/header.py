"""The header of delimited text: its names, and where the records begin.

Belongs here: the first record. Does not belong here: the records, the contract.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from ml_assets.stages.ingest.sniff import REPLACED, WANTED
from ml_assets.stages.ingest.source import Unreadable

RECORD = re.compile(rb'(?:[^"\r\n]+|"[^"]*")*')
BREAKS = re.compile(rb"[\r\n]*")
BREAK = re.compile(rb"\r\n|\r|\n")
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Header:
    """Names as in the file, blanks around them removed."""

    names: list[str]
    start: int
    """Byte at which the first record begins."""
    line: int
    """1-based line at which the first record begins."""


def read_header(text: bytes, delimiter: str) -> Header:
    """Return the header of a text; Unreadable where it is no text or a quote stays open.

    Blank lines before it are skipped.
    """
    begin = _end(BREAKS, text, 0)
    end = _end(RECORD, text, begin)
    record = text[begin:end]
    if CONTROL.search(record) or REPLACED in record:
        raise Unreadable("binary", f"the file is not text; {WANTED}")
    if text[end : end + 1] == b'"':
        raise Unreadable("header", "a quote in the header is never closed; correct the header")
    start = _end(BREAK, text, end)
    try:
        lines = record.decode().splitlines(keepends=True)
        rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise Unreadable("header", f"the header cannot be read: {error}") from None
    names = [name.strip() for name in rows[0]] if rows else []
    return Header(names, start, 1 + len(text[:start].splitlines()))


def _end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
