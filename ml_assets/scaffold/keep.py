"""Writing a guessed spec without losing what a person wrote: an existing file is never changed."""

from __future__ import annotations

import difflib
import os
from pathlib import Path


def write_or_patch(path: Path, text: str) -> str | None:
    """Write a new file and return None; where one is there, return the patch to the new text.

    The patch is empty where nothing differs.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.tmp")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
        return None
    before = path.read_text(encoding="utf-8").splitlines(keepends=True)
    after = text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, str(path), str(path)))
