"""Segments: append-only files in which a process writes down what it answered, until it is sealed.

    requests/<model>/<day>.<token>.log     records of a UTC day by one process
    requests/<model>/<token>.new           a segment that is being opened
    requests/<model>/roll                  touched: writers begin another segment
    requests/<model>/sealing.json          which segments are being sealed into which day
    requests/<model>/lock                  held by whoever seals, or deletes rows

A line is a record: eight digits of its CRC-32, a blank, JSON. A record with `beside` is what
another version says of the rows of the request with that id, whose own record comes first. A line
without its end was never acknowledged and does not count. A writer holds a lock on its segment,
which ends with its process; whoever reads one takes that lock first, so nothing is added to what
was read.
Belongs here: files and locks. Does not belong here: what a record holds.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FOLDER, ROLL, SEALING, LOCK = "requests", "roll", "sealing.json", "lock"
BESIDE = "beside"
NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.[0-9a-f]{16}\.log")
NEW = re.compile(r"[0-9a-f]{16}\.new")


class Writer:
    """One segment, held by this process until it is closed."""

    def __init__(self, folder: Path, day: str) -> None:
        # Not those above: where a home is away, none is to be begun.
        for part in (folder.parent, folder):
            part.mkdir(mode=0o700, exist_ok=True)
        self.day = day
        self.size = 0
        while True:
            opened = _opened(folder, day)
            if opened is not None:
                break
        self._file, self.path = opened

    def append(self, line: bytes) -> None:
        """Write one line whole, or nothing of it; OSError if the disk does not take it."""
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except BaseException:
            os.ftruncate(self._file, self.size)
            raise
        self.size += written

    def synced(self) -> Callable[[], None]:
        """Return a function that has the disk keep what was written, even if it is closed by then.

        It takes long, and holds up no writing.
        """
        file = os.dup(self._file)

        def sync() -> None:
            try:
                os.fsync(file)
            finally:
                os.close(file)

        return sync

    def close(self) -> None:
        """End the segment; an empty one is removed."""
        try:
            if self.size == 0:
                self.path.unlink(missing_ok=True)
            else:
                os.fsync(self._file)
        finally:
            os.close(self._file)


def _opened(folder: Path, day: str) -> tuple[int, Path] | None:
    """Return a new segment, locked; None if `sweep` took it for a killed process's."""
    token = secrets.token_hex(8)
    aside, path = folder / f"{token}.new", folder / f"{day}.{token}.log"
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        # Before it has its name: nobody may take it for one whose process has ended.
        fcntl.flock(file, fcntl.LOCK_EX)
        os.rename(aside, path)
        _sync_folder(folder)
    except FileNotFoundError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file, path


@dataclass(frozen=True)
class Segment:
    """A segment as it lies on the disk."""

    path: Path
    day: str
    size: int


def folder_of(environment: Path, model: str) -> Path:
    """Return where the segments of a model are, from the folder of the environment."""
    return environment / FOLDER / model


def segments(folder: Path) -> list[Segment]:
    """Return all segments, by day and name."""
    entries = []
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    for name in names:
        match = NAME.fullmatch(name)
        if match is None:
            continue
        try:
            size = (folder / name).stat().st_size
        except FileNotFoundError:
            # Sealed in the meantime.
            continue
        entries.append(Segment(folder / name, match[1], size))
    return entries


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold a segment whose writer has ended; False while it lives, or where the file is gone."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(file)


@contextmanager
def alone(folder: Path, wait: bool = True) -> Iterator[bool]:
    """Be the only one that seals or deletes; without `wait`, False while another does."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(file)


def ask_to_roll(folder: Path) -> None:
    """Have all writers begin another segment; they look each second."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / ROLL).touch(mode=0o600)
    os.utime(folder / ROLL)


def asked_to_roll(folder: Path) -> int:
    """Return when writers were last asked to begin another segment, in nanoseconds; 0 if never."""
    try:
        return (folder / ROLL).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def framed(record: bytes) -> bytes:
    r"""Return a record (without line breaks) as a line.

    >>> framed(b'{"id": 1}')
    b'56d44085 {"id": 1}\n'
    """
    return b"%08x %b\n" % (zlib.crc32(record), record)


def records(content: bytes) -> Iterator[bytes | None]:
    r"""Yield the records of a segment, None for a damaged one; a torn end does not count.

    >>> list(records(framed(b"{}") + b"00000000 {}\n" + framed(b"[]")[:-1]))
    [b'{}', None]
    """
    lines = content.split(b"\n")
    for line in lines[:-1]:
        crc, _, record = line.partition(b" ")
        yield record if crc == b"%08x" % zlib.crc32(record) else None


def replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another, durably."""
    aside = path.with_name(f"{secrets.token_hex(8)}.new")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
    _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove what killed processes left half made; the caller is alone."""
    for entry in list(folder.iterdir()):
        if NEW.fullmatch(entry.name):
            with claimed(entry) as ended:
                if ended:
                    entry.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
