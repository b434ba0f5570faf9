"""The header of delimited text: its names, and the start of the records.

Belongs here: the first record. Does not belong here: the records, the contract.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ml_assets.stages.ingest.dialect import Dialect
from ml_assets.stages.ingest.sniff import REPLACED, WANTED
from ml_assets.stages.ingest.source import Unreadable

BREAKS = re.compile(rb"[\r\n]*")
BREAK = re.compile(rb"\r\n|\r|\n")
LIKE_BREAKS = re.compile("[\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Characters that some programs, such as Python's `splitlines`, treat as line ends."""
SEPARATOR = re.compile(r"sep=(.)?")
"""A first line that sets Excel's delimiter."""
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True)
class Header:
    """Names as in the file, without surrounding whitespace; those expected if it has none."""

    names: Sequence[str]
    start: int
    """Byte at which the first record begins."""
    line: int
    """1-based line at which the first record begins."""


def read_header(text: bytes, how: Dialect, begin: int = 0) -> Header:
    """Return the header of a text; Unreadable if it is not text or a quote is unclosed.

    It is looked for from byte `begin`. Blank lines before it are skipped.
    """
    begin = _end(BREAKS, text, begin)
    mark = re.escape(how.quote.encode())
    quoted = rb"%b[^%b]*%b" % (mark, mark, mark) if mark else rb"(?!)"
    end = _end(re.compile(rb"(?:[^%b\r\n]+|%b)*" % (mark, quoted)), text, begin)
    record = text[begin:end]
    bare = LIKE_BREAKS.search(re.sub(quoted, b"", record).decode())
    if CONTROL.search(LIKE_BREAKS.sub("", record.decode()).encode()) or REPLACED in record:
        raise Unreadable("binary", f"the file is not text; {WANTED}")
    excel = SEPARATOR.fullmatch(record.decode().strip())
    if excel:
        raise Unreadable("header", _for_excel(excel[1] or how.delimiter, how.delimiter))
    if how.names is not None:
        return Header(how.names, begin, 1 + len(text[:begin].splitlines()))
    if how.quote and text[end : end + 1] == how.quote.encode():
        raise Unreadable("header", "a quote in the header is never closed; correct the header")
    if bare:
        raise Unreadable("header", _like_a_break(bare[0]))
    start = _end(BREAK, text, end)
    try:
        # Only LF, CRLF and CR end its lines.
        lines = io.StringIO(record.decode(), newline="")
        rows = list(
            csv.reader(
                lines,
                delimiter=how.delimiter,
                quotechar=how.quote or None,
                quoting=csv.QUOTE_MINIMAL if how.quote else csv.QUOTE_NONE,
                skipinitialspace=True,
            )
        )
    except csv.Error as error:
        raise Unreadable("header", f"the header cannot be read: {error}") from None
    names = [name.strip() for name in rows[0]] if rows else []
    return Header(names, start, 1 + len(text[:start].splitlines()))


def skipped(text: bytes, lines: int) -> int:
    """Return the byte after some lines; Unreadable if nothing is left."""
    at = 0
    for number in range(lines):
        match = BREAK.search(text, at)
        if match is None:
            said = f"the file has {number + 1} lines, and landing.skip_lines is {lines}"
            raise Unreadable("header", f"{said}; correct it, or deliver the whole file")
        at = match.end()
    if not text[at:].strip():
        raise Unreadable("header", f"nothing is left after landing.skip_lines ({lines})")
    return at


def _like_a_break(character: str) -> str:
    name = unicodedata.name(character, "a control character")
    return (
        f"the header holds U+{ord(character):04X} ({name}), which ends no record; wanted LF, CRLF "
        "or CR between records; deliver the file with such line ends, or remove it from the header"
    )


def _for_excel(given: str, declared: str) -> str:
    said = "" if given == declared else f" and set landing.delimiter to {given!r}"
    return (
        "the first line is an Excel directive (sep=…), wanted the header; remove that line, or set "
        f"landing.skip_lines to 1{said}"
    )


def _end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
