"""The locks of a home that several machines share, as advisory locks of its Postgres database.

They belong to one connection and end with it, and so with its process. A pooler that shares
connections between clients (PgBouncer's transaction mode) must not be used.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text
from sqlalchemy.exc import DatabaseError

from ml_assets.errors import HomeError
from ml_assets.store.postgres import lock_number
from ml_assets.store.state import State, dump, load, settings

NOTE = "writer"
"""The setting that names the lock's last holder; valid while that connection holds the lock."""
HELD = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND classid = CAST(CAST(:high AS bigint) AS oid) AND objid = CAST(CAST(:low AS bigint) AS oid)
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class DatabaseLocks:
    """The locks of a shared home, on a connection of their own."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._open: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection that holds the locks, opened on first use."""
        if self._open is None:
            db = self._state.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            # The server's timeouts for idle or slow clients would release the locks.
            limits = ("statement_timeout", "lock_timeout", "idle_session_timeout")
            for name in limits:
                known = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = :name"
                db.execute(text(known), {"name": name})
            self._open = db
        return self._open

    def writer(self, env: str) -> DatabaseLock:
        """Return the writer lock of an environment."""
        return DatabaseLock(self._state, self, env)

    @contextmanager
    def hold(self, key: str, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of an action's key; wait while a process on any machine holds it.

        Without `wait`, yield False if another process holds it.
        """
        number = self.number(f"action {key}")
        take = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        taken = self.connection.execute(text(f"SELECT {take}(:number)"), {"number": number})
        if not wait and not taken.scalar():
            yield False
            return
        try:
            yield True
        finally:
            self.unlock(number)

    def number(self, name: str) -> int:
        """Return the number that stands for a lock."""
        return lock_number(self._state.schema, name)

    def unlock(self, number: int) -> None:
        """Release a lock; raises HomeError if the connection that held it was lost."""
        unlock = text("SELECT pg_advisory_unlock(:number)")
        try:
            held = self.connection.execute(unlock, {"number": number}).scalar()
        except DatabaseError as error:
            self.close()
            raise _lost() from error
        if not held:
            raise _lost()

    def close(self) -> None:
        """Close the connection, which releases all locks."""
        if self._open is not None:
            # Closed: returned to the pool, it would keep its locks.
            self._open.invalidate()
            self._open.close()
            self._open = None


class DatabaseLock:
    """The writer lock of one environment, held across machines."""

    def __init__(self, state: State, locks: DatabaseLocks, env: str) -> None:
        self._state = state
        self._locks = locks
        self._env = env
        self._number = locks.number(f"writer {env}")
        self.name = f"environment {env} of {state.shown}"

    def acquire(self, what: str) -> bool:
        """Take the lock if it is free, and record the holder."""
        db = self._locks.connection
        take = text("SELECT pg_try_advisory_lock(:number)")
        if not db.execute(take, {"number": self._number}).scalar():
            return False
        backend = db.execute(text("SELECT pg_backend_pid()")).scalar()
        note = {"host": socket.gethostname(), "pid": os.getpid(), "what": what, "backend": backend}
        with self._state.write() as db:
            db.execute(delete(settings).where(*self._mine()))
            row = {"env": self._env, "key": NOTE, "value": dump(note)}
            db.execute(insert(settings), row)
        return True

    def release(self) -> None:
        """Release the lock; raises HomeError if it was lost in the meantime."""
        self._locks.unlock(self._number)

    def holder(self) -> str | None:
        """Return who holds the lock now, or None."""
        number = self._number % 2**64
        place = {"high": number >> 32, "low": number % 2**32}
        with self._state.read() as db:
            backend = db.execute(text(HELD), place).scalar()
            note = db.execute(select(settings.c.value).where(*self._mine())).scalar()
        if backend is None:
            return None
        noted = load(note) if note is not None else {}
        if noted.get("backend") != backend:
            return "another process"
        return f"{noted['what']} (process {noted['pid']} on {noted['host']})"

    def _mine(self) -> tuple[Any, ...]:
        return settings.c.env == self._env, settings.c.key == NOTE


def _lost() -> HomeError:
    return HomeError(
        "the connection that held a lock was lost, so another machine may have worked at the same "
        "time. All recorded results are complete; run again"
    )
