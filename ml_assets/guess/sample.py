"""Whole records of a large text file, spread evenly over it.

Belongs here: where a record begins and ends. Does not belong here: what is done with the records.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ml_assets.guess.dialect import opened, pieces
from ml_assets.guess.profile import FileDialect

WHOLE = 1 << 23
"""Bytes of text up to which a file is taken whole, and about what is taken of a larger one."""
BLOCKS = 256
"""Places of a file that records are taken from."""
STEP = 1 << 20
LARGEST = 1 << 26
"""Bytes of a file that is taken whole because it has no records that can be told apart."""


def sampled(path: Path, dialect: FileDialect) -> bytes | None:
    """Return a file's text, or of a large one its first records and some of each further part.

    None for a large file whose records cannot be told apart by their line ends.
    """
    size = _size(path, dialect)
    if size <= WHOLE:
        return _read(path)
    lines = dialect.format in ("csv", "jsonl") and not dialect.encoding.startswith("utf-16")
    records = b"".join(_blocks(path, dialect, size)) if lines else b""
    if records:
        return records
    return _read(path) if size <= LARGEST else None


def _read(path: Path) -> bytes:
    with opened(path) as file:
        return file.read()


def _size(path: Path, dialect: FileDialect) -> int:
    if not dialect.compressed:
        return path.stat().st_size
    return sum(map(len, pieces(path)))


def _steps(file: IO[bytes], left: int) -> Iterator[bytes]:
    while piece := file.read(min(STEP, left)):
        left -= len(piece)
        yield piece


def _blocks(path: Path, dialect: FileDialect, size: int) -> Iterator[bytes]:
    quote = dialect.quote.encode() if dialect.format == "csv" and dialect.quote else None
    stride, share = size // BLOCKS, WHOLE // BLOCKS
    inside = False
    with opened(path) as file:
        for number in range(BLOCKS):
            block = file.read(share)
            yield records_of(block, quote, inside, first=number == 0)
            inside ^= _odd(block, quote)
            for piece in _steps(file, stride - share):
                inside ^= _odd(piece, quote)


def records_of(block: bytes, quote: bytes | None, inside: bool, first: bool = False) -> bytes:
    """Return the whole records in a block of a file, by line ends outside of quotes.

    Args:
        inside: The block begins between quotes.
        first: The block begins with a record.
    """
    begin, quoted = 0, inside
    while not first:
        end = block.find(b"\n", begin)
        if end < 0:
            return b""
        quoted ^= _odd(block[begin:end], quote)
        begin = end + 1
        if not quoted:
            break
    end, quoted = len(block), inside ^ _odd(block, quote)
    while True:
        last = block.rfind(b"\n", begin, end)
        if last < 0:
            return b""
        quoted ^= _odd(block[last:end], quote)
        if not quoted:
            return block[begin : last + 1]
        end = last


def _odd(text: bytes, quote: bytes | None) -> bool:
    return quote is not None and text.count(quote) % 2 == 1
