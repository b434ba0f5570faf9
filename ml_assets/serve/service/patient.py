"""Joined tables from a store that may hang, such as a network that takes requests and answers none.

Belongs here: how long a request waits for a table that was never read. Does not belong here: which
table it needs (`frames`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

import pyarrow as pa

SECONDS = 5.0
"""For a table to come; then whoever asks for it waits no more, until it is there."""
MOST = 8
"""Tables that are being read at once."""


@dataclass(frozen=True)
class _Reading:
    """A table that is being read, by a thread that nobody has to wait for."""

    table: Future[pa.Table] = field(default_factory=Future)
    begin: float = field(default_factory=time.monotonic)


class Patient:
    """Reads tables by their digest, and waits so long for each."""

    def __init__(self, load: Callable[[str], pa.Table], seconds: float = SECONDS) -> None:
        self._load, self._seconds = load, seconds
        self._readings: dict[str, _Reading] = {}
        self._lock = threading.Lock()

    def __call__(self, digest: str) -> pa.Table:
        """Return a table; OSError if it does not come in time, and whatever reading it raises."""
        with self._lock:
            reading = self._readings.get(digest)
            if reading is None:
                reading = self._readings[digest] = self._begun(digest)
        left = reading.begin + self._seconds - time.monotonic()
        if not wait([reading.table], max(left, 0.0)).done:
            raise OSError(f"a joined table has not come for {self._seconds:g} s")
        with self._lock:
            # The caller keeps it; what failed is tried again by the next.
            self._readings.pop(digest, None)
        return reading.table.result()

    def _begun(self, digest: str) -> _Reading:
        for known in [known for known, item in self._readings.items() if item.table.done()]:
            # It came too late, and nobody has asked for it again.
            del self._readings[known]
        if len(self._readings) >= MOST:
            raise OSError(f"{MOST} joined tables are being read and do not come")
        reading = _Reading()
        threading.Thread(target=self._read, args=(digest, reading.table), daemon=True).start()
        return reading

    def _read(self, digest: str, table: Future[pa.Table]) -> None:
        try:
            table.set_result(self._load(digest))
        except BaseException as error:
            # Raised where it is waited for.
            table.set_exception(error)
