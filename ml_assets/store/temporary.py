"""Temporary files and folders inside the home. If a process is killed, the next process that opens
the home removes what it left.

Belongs here: their names, owners and removal. Does not belong here: their contents.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

NAME = re.compile(r"[0-9a-f]{32}\.(\d+)\.(.+)")
"""A random part, and the process and host that created it."""


def name() -> str:
    """Return a new name for this process."""
    return f"{uuid.uuid4().hex}.{os.getpid()}.{socket.gethostname()}"


@contextmanager
def folder(home: Path) -> Iterator[Path]:
    """Yield a new private folder in a home; it is removed at the end."""
    path = home / "tmp" / name()
    path.mkdir(mode=0o700, parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def left(place: Path) -> Iterator[Path]:
    """Yield what ended processes of this host have left in a folder."""
    for path in place.iterdir() if place.is_dir() else ():
        match = NAME.fullmatch(path.name)
        if match and match[2] == socket.gethostname() and _ended(int(match[1]), path):
            yield path


def sweep(place: Path) -> None:
    """Remove what ended processes of this host left in a folder."""
    for path in left(place):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _ended(pid: int, written: Path) -> bool:
    """Tell whether the process that wrote a file has ended (its number may be used again)."""
    try:
        return bool(psutil.Process(pid).create_time() > written.stat().st_mtime + 1.0)
    except (psutil.NoSuchProcess, FileNotFoundError):
        return True
