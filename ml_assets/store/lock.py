"""One writer at a time per home and environment, by a lock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ml_assets.errors import HomeError

_held: set[Path] = set()
"""Folders that this process holds: what it does inside may ask again."""


@contextmanager
def writer(
    folder: Path,
    what: str,
    patience: float = 0.0,
    waiting: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold the environment's lock; raises HomeError naming the holder after `patience` seconds.

    `what` says to others who holds it; `waiting` is told once when there is a wait.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if folder in _held:
        yield
        return
    lock = FileLock(folder / "lock")
    note = folder / "lock.json"
    deadline = time.monotonic() + patience
    told = False
    while True:
        try:
            lock.acquire(timeout=0)
            break
        except Timeout:
            holder = _describe(note)
            if time.monotonic() >= deadline:
                raise HomeError(f"{folder} is in use by {holder}; wait for it, or end it") from None
            if waiting is not None and not told:
                waiting(f"waiting for {holder}")
                told = True
            time.sleep(0.2)
    try:
        _held.add(folder)
        note.write_text(json.dumps({"pid": os.getpid(), "what": what}))
        yield
    finally:
        _held.discard(folder)
        note.unlink(missing_ok=True)
        lock.release()


def holder(folder: Path) -> str | None:
    """Return who holds the environment's lock now, or None."""
    if not (folder / "lock").exists():
        return None
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _describe(folder / "lock.json")
    lock.release()
    return None


def _describe(note: Path) -> str:
    try:
        found: dict[str, Any] = json.loads(note.read_text())
    except (OSError, ValueError):
        return "another process"
    return f"{found['what']} (process {found['pid']})"


class KeyLocks:
    """A lock for each key, held across processes and released when its process ends.

    One file serves all keys: each key locks one byte of it. Threads of one process are not
    kept apart.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None

    @contextmanager
    def hold(self, key: str, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of a key (a digest), waiting for whoever has it.

        Without `wait`, yield False where another process has it.
        """
        if self._file is None:
            self._file = self._path.open("ab")
        place = int(key[-15:], 16)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 1, place)
        except (BlockingIOError, PermissionError):
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def close(self) -> None:
        """Release everything."""
        if self._file is not None:
            self._file.close()
            self._file = None
