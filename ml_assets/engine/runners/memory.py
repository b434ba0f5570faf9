"""The memory limit of a Dask worker, which counts the processes of its actions too.

Dask's own limit watches the Dask worker's process alone, and the work is done in others. Belongs
here: when an action is ended for its memory. Does not belong here: where it is tried next
(`filler`).
"""

from __future__ import annotations

import contextlib
import threading

import psutil

EVERY = 0.2
"""Seconds between two looks."""
GIB = 1 << 30


class Watch:
    """Ends a process once this one and all that it started hold more than `limit` bytes together.

    Without a limit it does nothing. For use in a `with` statement.
    """

    def __init__(self, pid: int, limit: int | None) -> None:
        self._pid, self._limit = pid, limit
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)
        self.held: int | None = None
        """Bytes that were held as it was ended; None if it was not."""

    def __enter__(self) -> Watch:
        if self._limit:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._limit:
            self._thread.join()

    def _watch(self) -> None:
        assert self._limit is not None
        while not self._stopped.wait(EVERY):
            held = used()
            if held > self._limit:
                self.held = held
                with contextlib.suppress(psutil.NoSuchProcess):
                    psutil.Process(self._pid).kill()
                return


def used() -> int:
    """Return the resident bytes of this process and of all below it."""
    here, total = psutil.Process(), 0
    for process in [here, *here.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total


def shown(size: int) -> str:
    """Return a number of bytes as GiB."""
    return f"{size / GIB:.2f} GiB"
