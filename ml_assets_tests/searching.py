"""Finding a text in every byte of a folder, packed ones too."""

from __future__ import annotations

import base64
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

BASE64 = re.compile(rb"[A-Za-z0-9+/]{40,}={0,2}")


def holding(root: Path, text: str) -> set[str]:
    """Return the files below a folder, relative to it, in which a text stands."""
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and any(text.encode() in part for part in _parts(path.read_bytes()))
    }


def _parts(content: bytes) -> Iterator[bytes]:
    """Yield bytes, and all that is packed in them."""
    yield content
    if content.startswith(b"PAR1"):
        yield repr(pq.read_table(pa.BufferReader(content)).to_pylist()).encode()
    elif content.startswith(b"\x1f\x8b"):
        yield from _parts(gzip.decompress(content))
    elif content.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _parts(archive.read(name))
    else:
        for found in BASE64.findall(content):
            yield base64.b64decode(found[: len(found) // 4 * 4])
