"""SQLite files that hold no deleted rows: neither in freed pages nor in the write-ahead log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

HEADER = b"SQLite format 3\0"
PATIENCE = 60.0
"""How many seconds to wait for other users of the file."""


def is_database(path: Path) -> bool:
    """Return whether a regular file is an SQLite database."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER


def rewrite(path: Path) -> None:
    """Rewrite a database without the bytes of deleted rows."""
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as db:
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
