"""One writer at a time for each home and environment, by a lock that ends with its process."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from ml_assets.errors import HomeError

_held: set[str] = set()
"""Names of the locks that this process holds, so that nested calls do not wait for themselves."""


class WriterLock(Protocol):
    """The lock of one environment; `name` says what is locked."""

    name: str

    def acquire(self, what: str) -> bool:
        """Take it if it is free, and record the holder for others."""

    def release(self) -> None:
        """Release it."""

    def holder(self) -> str | None:
        """Return who holds it now, or None."""


@contextmanager
def writer(
    lock: WriterLock,
    what: str,
    patience: float = 0.0,
    waiting: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold an environment's lock; raises HomeError naming the holder after `patience` seconds.

    `what` describes the holder to others; `waiting` is called once if there is a wait.
    """
    if lock.name in _held:
        yield
        return
    deadline = time.monotonic() + patience
    told = False
    while not lock.acquire(what):
        holder = lock.holder() or "another process"
        if time.monotonic() >= deadline:
            raise HomeError(f"{lock.name} is in use by {holder}; wait for it or stop it")
        if waiting is not None and not told:
            waiting(f"waiting for {holder}")
            told = True
        time.sleep(0.2)
    _held.add(lock.name)
    try:
        yield
    finally:
        _held.discard(lock.name)
        lock.release()


class FolderLock:
    """The writer lock of one environment, on this machine: a file in the environment's folder."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._file = folder / "lock"
        self._note = folder / "lock.json"
        self._lock = FileLock(self._file)

    def acquire(self, what: str) -> bool:
        """Take the lock if it is free, and record the holder."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        self._note.write_text(json.dumps({"pid": os.getpid(), "what": what}))
        return True

    def release(self) -> None:
        """Release the lock."""
        self._note.unlink(missing_ok=True)
        self._lock.release()

    def holder(self) -> str | None:
        """Return who holds the lock now, or None."""
        if not self._file.exists():
            return None
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return self._noted()
        self._lock.release()
        return None

    def _noted(self) -> str:
        try:
            noted: dict[str, Any] = json.loads(self._note.read_text())
            return f"{noted['what']} (process {noted['pid']})"
        except (OSError, ValueError, LookupError, TypeError):
            return "another process"


class KeyLocks:
    """A lock for each key, held across processes and released when the process ends.

    One file serves all keys: each key locks one byte of it. It does not
    separate threads of one process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None

    @contextmanager
    def hold(self, key: str, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of a key (a digest); wait while another process holds it.

        Without `wait`, yield False if another process holds it.
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
