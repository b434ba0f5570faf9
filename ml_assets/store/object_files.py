"""The files of objects: a folder, or a place of fsspec; without the state that knows them.

Belongs here: names, reading and writing whole files. Does not belong here: what a file must hold
(`objects`).
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ml_assets.store import temporary


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class ObjectFiles:
    """The files; `root` is a folder, or an fsspec URL such as s3://bucket/prefix."""

    def __init__(self, root: str | Path) -> None:
        self.remote = "://" in str(root)
        if self.remote:
            from ml_assets.store import remote

            self.root: Any = remote.open_root(str(root))
        else:
            self.root = Path(root)

    def path(self, digest: str) -> Any:
        """Return an object's path: objects/<first two hex digits>/<digest>."""
        name = digest.replace(":", "-")
        return self.root / name[3:5] / name

    def bytes_of(self, digest: str) -> bytes:
        """Return the bytes of an object's file, unchecked."""
        with self.translated():
            data: bytes = self.path(digest).read_bytes()
        return data

    def size(self, digest: str) -> int | None:
        """Return the size of an object's file, None without one."""
        try:
            with self.translated():
                info = self.path(digest).stat()
        except FileNotFoundError:
            return None
        # A folder or a pipe with an object's name is not an object.
        return int(info.st_size) if self.remote or stat.S_ISREG(info.st_mode) else None

    def write(self, path: Any, data: bytes) -> None:
        """Write a file so that no reader sees part of it."""
        if self.remote:
            from ml_assets.store import remote

            remote.write(self.root, path, data)
            return
        folder = self.root / "tmp"
        for needed in (path.parent, folder):
            needed.mkdir(parents=True, exist_ok=True)
        aside = folder / temporary.name()
        try:
            aside.write_bytes(data)
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise

    def translated(self) -> AbstractContextManager[None]:
        """Have a remote filesystem's own errors be OSError."""
        if not self.remote:
            return nullcontext()
        from ml_assets.store import remote

        return remote.translated(self.root)
