"""A file that is read in pieces: how large they are, gzip, where lines end.

Belongs here: bytes. Does not belong here: records, values.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from ml_assets.stages.ingest.sniff import GZIP
from ml_assets.stages.ingest.source import Unreadable

Ints = npt.NDArray[np.int64]

PIECE = 1 << 24
"""Bytes read at once."""
LONGEST = 8 * PIECE
"""Most bytes of one record: an open quote must not swallow the file."""
ROWS = 1 << 17
"""Rows of a Parquet file that are read at once."""


@contextmanager
def plain(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, decompressed from gzip; Unreadable if that is damaged or truncated."""
    with path.open("rb") as file:
        if not file.peek(2).startswith(GZIP):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as inner:
            try:
                yield inner  # type: ignore[misc]
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise Unreadable(
                    "gzip", f"the gzip file is damaged or truncated ({error}); deliver it again"
                ) from None


def wide(encoding: str) -> bool:
    """Tell whether line ends are other bytes than those of ASCII (UTF-16, EBCDIC)."""
    named = codecs.lookup(encoding).name
    return not named.startswith("utf-8") and "\r\n".encode(encoding) != b"\r\n"


def line_starts(text: bytes) -> Ints:
    """Return where each line of a text starts; lines end in LF, CRLF or CR."""
    data = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if b"\r" in text:
        alone = np.flatnonzero(data == ord("\r"))
        follows = np.append(data, 0)[alone + 1]
        ends = np.sort(np.concatenate([ends, alone[follows != ord("\n")]]))
    return np.concatenate([[0], ends + 1]).astype(np.int64)


def last_end(text: bytes) -> int:
    """Return where the last line that is surely whole ends: a CR at the end may be half a CRLF."""
    return max(text.rfind(b"\n"), text.rfind(b"\r", 0, len(text) - 1)) + 1
