"""The log of one model in one process: lines in, files that others may seal out.

Belongs here: when another segment begins, what a full disk leads to. Does not belong here: what a
line holds.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ml_assets.spec.requests import Requests
from ml_assets.store.segments import Writer, asked_to_roll, framed, segments

ROOM = 1 << 20
"""Bytes that the disk must have free before a log that was full counts as usable again."""
SPARE = 0.8
"""The share of `max_bytes` up to which what no answer waits for is written, too."""
log = logging.getLogger("ml_assets.serve")


class Full(Exception):
    """There is no room for a record."""


class RequestLog:
    """Appends records to the segment of the day; safe for threads."""

    def __init__(self, folder: Path, requests: Requests) -> None:
        self.why: str | None = None
        """Why the last record was not kept; None if it was."""
        self.bytes = 0
        """Of all segments that are not sealed, of every process."""
        self.requests = requests
        self.folder = folder
        self._lock = threading.Lock()
        self._segment: Writer | None = None
        self._dirty = False
        self._rolled = 0

    def append(self, record: bytes, moment: datetime) -> Writer:
        """Write a record and return its segment; Full if there is no room.

        It outlives the process when this returns.
        """
        line, day = framed(record), moment.astimezone(UTC).date().isoformat()
        with self._lock:
            try:
                if self.bytes + len(line) > self.requests.max_bytes:
                    raise Full(f"the requests that are not sealed yet have {self.bytes:,} bytes")
                if self._segment is None or self._segment.day != day:
                    self._begin(day)
                assert self._segment is not None
                self._segment.append(line)
            except (OSError, Full) as error:
                self._fails(error)
                # What a disk error left of a line is at the end of a segment, where it is ignored.
                with suppress(OSError):
                    self._end()
                raise Full(self.why) from None
            self.bytes += len(line)
            self.why = None
            self._dirty = True
            return self._segment

    def append_beside(self, record: bytes, segment: Writer) -> None:
        """Write a record that no answer waits for into the segment of its request.

        Full if that has ended, or there is not more than enough room; requests themselves can then
        still be kept, and nothing else is said.
        """
        line = framed(record)
        with self._lock:
            if segment is not self._segment:
                raise Full("the segment of its request has ended")
            if self.bytes + len(line) > SPARE * self.requests.max_bytes:
                raise Full(f"the requests that are not sealed yet have {self.bytes:,} bytes")
            try:
                segment.append(line)
            except OSError as error:
                raise Full(error.strerror) from None
            self.bytes += len(line)
            self._dirty = True

    def tick(self, moment: datetime) -> None:
        """Have the disk keep what was written; end the segment of a day that has passed."""
        day, rolled = moment.astimezone(UTC).date().isoformat(), asked_to_roll(self.folder)
        with self._lock:
            segment, dirty, self._dirty = self._segment, self._dirty, False
            over = segment is not None and (segment.day != day or rolled != self._rolled)
            sync = segment.synced() if segment is not None and dirty and not over else None
            if over:
                self._end()
            self.bytes = sum(item.size for item in segments(self.folder))
            if self.why is not None and self._has_room():
                # A balancer that saw that it refuses sends no request to find out.
                self.why = None
        if sync is not None:
            sync()

    def close(self) -> None:
        """End the segment."""
        with self._lock:
            self._end()

    def _has_room(self) -> bool:
        place = os.statvfs(self.folder)
        return self.bytes < self.requests.max_bytes and place.f_bavail * place.f_frsize > ROOM

    def _begin(self, day: str) -> None:
        self._end()
        # Read before: being asked in the meantime leads to one segment more.
        self._rolled = asked_to_roll(self.folder)
        self._segment = Writer(self.folder, day)

    def _end(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()

    def _fails(self, error: Exception) -> None:
        said = error.strerror if isinstance(error, OSError) else str(error)
        if self.why is None:
            log.warning("a request is not kept in %s: %s", self.folder, said)
        self.why = said or type(error).__name__
