"""Several Parquet files as one content: a tar of them, in the order of their names.

The same parts are the same bytes, whatever their times and owners. Belongs here: packing and
unpacking. Does not belong here: folders (`engine/deliveries`), reading Parquet (`stages/parquet`).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

MAGIC, AT = b"ustar\0", 257


def packed(parts: Mapping[str, bytes]) -> bytes:
    """Return parts, by name, as one content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(parts):
            member = tarfile.TarInfo(name)
            member.size = len(parts[name])
            archive.addfile(member, io.BytesIO(parts[name]))
    return file.getvalue()


def is_packed(content: bytes) -> bool:
    """Return whether a content is a tar."""
    return content[AT : AT + len(MAGIC)] == MAGIC


def parts_of(content: bytes) -> dict[str, bytes]:
    """Return the parts of a content by name, in order; TarError if it is damaged."""
    files = {}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member)
            files[member.name] = b"" if file is None else file.read()
    return files
