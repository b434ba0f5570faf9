"""The stored homes, unpacked."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
FORMATS = sorted(path.name.split(".")[0] for path in FOLDER.glob("format-*.tar.xz"))


def unpack(name: str, root: Path) -> dict[str, Any]:
    """Unpack project and home of a format into a new folder; return what must never change."""
    root.mkdir(parents=True)
    with tarfile.open(FOLDER / f"{name}.tar.xz") as archive:
        archive.extractall(root, filter="data")
    found: dict[str, Any] = json.loads((root / "golden.json").read_text())
    return found
