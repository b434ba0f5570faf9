"""Small files that are written whole or not at all.

Belongs here: files that can be made again. Does not belong here: objects, landed files and
segments, which must outlast a power cut or another writer.
"""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Put a file in the place of another, by way of one beside it; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    beside.write_bytes(content)
    os.replace(beside, path)
