"""How a file is written: its format, encoding, delimiter, quotes, header.

Belongs here: decisions about a file as a whole. Does not belong here: its columns.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from charset_normalizer import from_bytes

from ml_assets.errors import RequestError
from ml_assets.guess.delimited import layout
from ml_assets.guess.profile import FileDialect
from ml_assets.stages.ingest.sniff import BOM, GZIP, OTHERS, PARQUET, UTF16

SAMPLE = 1 << 18
"""Bytes from which delimiter, quotes and header are judged."""
PIECE = 1 << 22
CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\v\x1b"))
ALONE = frozenset("\u02c7\u02d8\u02db\u02dd\u02d9")
"""Accents without a letter, which texts of Central Europe do not have."""
EXCEL = b"PK\x03\x04"


def dialect_of(path: Path) -> FileDialect:
    """Return how a file is written. Raises RequestError for one that is not a table."""
    start = _start(path)
    if not start.removeprefix(BOM).strip():
        raise RequestError(f"{path.name}: the file is empty; wanted a table with a header")
    if start.startswith(PARQUET):
        return FileDialect("parquet")
    if start.startswith(EXCEL):
        return FileDialect("excel")
    for mark, what in OTHERS.items():
        if start.startswith(mark):
            said = f"{path.name}: the file is {what}; wanted CSV, gzipped CSV, Parquet, JSON Lines"
            raise RequestError(f"{said} or Excel (.xlsx)")
    compressed = _is_gzip(path)
    encoding = _encoding(path, start)
    text = start.decode(encoding, "ignore").removeprefix("\ufeff")
    if text.lstrip().startswith("{") and _objects(text):
        return FileDialect("jsonl", compressed, encoding)
    detected = layout(text, whole=len(start) < SAMPLE)
    return FileDialect(
        "csv",
        compressed,
        encoding,
        detected.delimiter,
        detected.quote,
        detected.header,
        detected.skip_lines,
    )


def opened(path: Path) -> IO[bytes]:
    """Open a file, decompressed from gzip if it is compressed."""
    return gzip.open(path) if _is_gzip(path) else path.open("rb")  # type: ignore[return-value]


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP


def _start(path: Path) -> bytes:
    try:
        with opened(path) as file:
            return file.read(SAMPLE)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RequestError(f"{path.name}: the gzip file is damaged ({error})") from None


def pieces(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, decompressed. Raises RequestError for a damaged gzip file."""
    try:
        with opened(path) as file:
            while piece := file.read(PIECE):
                yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RequestError(f"{path.name}: the gzip file is damaged ({error})") from None


def _encoding(path: Path, start: bytes) -> str:
    """Return the encoding in which all bytes of a file are text."""
    if start.startswith(UTF16):
        return _checked(path, "utf-16")
    zeros = start.count(0) / len(start)
    if zeros > 0.2:
        odd = start[1::2].count(0) > start[::2].count(0)
        return _checked(path, "utf-16-le" if odd else "utf-16-be")
    if len(start) - len(start.translate(None, CONTROL)) > len(start) / 100:
        raise RequestError(f"{path.name}: the file is not text; wanted CSV or another table")
    bad = _undecodable(path, "utf-8")
    if bad is None:
        return "utf-8"
    guess = from_bytes(bad, cp_isolation=["cp1252", "latin_1", "cp1250", "cp1251", "mac_roman"])
    best = guess.best()
    names = [best.encoding] if best is not None else []
    # European code pages share most letters: the usual one, if it says the same.
    if names:
        text = bad.decode(names[0], "replace")
        # Accents that stand alone are what m² and £ become in the wrong page.
        if text == bad.decode("cp1252", "replace") or ALONE & set(text):
            names = []
    for name in (*names, "cp1252"):
        if name != "latin_1" and _undecodable(path, name) is None:
            return codecs.lookup(name).name
    return "latin-1"


def _checked(path: Path, encoding: str) -> str:
    if _undecodable(path, encoding) is not None:
        raise RequestError(f"{path.name}: the file is neither text nor a known table format")
    return encoding


def _undecodable(path: Path, encoding: str) -> bytes | None:
    """Return the bytes around the first that are not of an encoding, None if all are."""
    decoder = codecs.getincrementaldecoder(encoding)()
    piece = b""
    try:
        for piece in pieces(path):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        at = max(0, min(error.start, len(piece)) - 2000)
        return piece[at : at + 8000] or b"\xff"
    return None


def _objects(text: str) -> bool:
    lines = [line for line in text.splitlines()[:5] if line.strip()]
    return all(line.strip().startswith("{") for line in lines)
