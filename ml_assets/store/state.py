"""The state database of a home: SQLite in the home, or Postgres by URL.

Belongs here: the tables, opening, transactions. The module that owns a table
documents its rows. Adding or removing a table or column needs a new FORMAT and a revision in
`migrations/`.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    ExceptionContext,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError

from ml_assets import clock
from ml_assets.errors import HomeError

FORMAT = "1"
TIMEOUT = 60.0
"""How many seconds a write waits for writes of other processes."""
NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR")
"""How SQLite's error names start for a full disk, which is not the request's fault."""
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
"""How they start for a damaged file."""
metadata = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text))
objects = Table(
    "objects",
    metadata,
    Column("digest", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String, nullable=False),
)
landings = Table(
    "landings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("dataset", String, nullable=False),
    Column("batch", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("name", String, nullable=False),
    Column("landed", String, nullable=False),
    Index("landings_of", "dataset", "batch"),
)
files = Table(
    "files",
    metadata,
    Column("path", String, primary_key=True),
    Column("stat", String, nullable=False),
    Column("digest", String, nullable=False),
)
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("env", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("batch", String, nullable=False),
    Column("upto", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", String, nullable=False),
)
actions = Table(
    "actions",
    metadata,
    Column("key", String, primary_key=True),
    Column("recipe", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("ingredients", Text, nullable=False),
    Column("outputs", Text, nullable=False),
    Column("checks", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("sources", String, nullable=False),
    Column("machine", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created", String, nullable=False),
    Column("made_by", String, nullable=False),
)
versions = Table(
    "versions",
    metadata,
    Column("asset", String, primary_key=True),
    Column("partition", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String, nullable=False),
    Column("outputs", Text, nullable=False),
    Column("actions", Text, nullable=False),
    Column("rows", Integer),
    Column("created", String, nullable=False),
    Column("run_id", String),
    UniqueConstraint("asset", "partition", "digest"),
)
current = Table(
    "current",
    metadata,
    Column("env", String, primary_key=True),
    Column("asset", String, primary_key=True),
    Column("partition", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("outputs", Text, nullable=False),
    Column("actions", Text, nullable=False),
    Column("checks", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("token", String, nullable=False),
    Column("published", String),
    Column("updated", String, nullable=False),
    Column("run_id", String),
)
processes = Table(
    "processes",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("env", String, nullable=False),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Float, nullable=False),
)
settings = Table(
    "settings",
    metadata,
    Column("env", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
)

promotions = Table(
    "promotions",
    metadata,
    Column("env", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String, nullable=False),
    Column("previous", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("before", String, nullable=False),
    Column("hash", String, nullable=False),
)
heads = Table(
    "heads",
    metadata,
    Column("env", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("hash", String, nullable=False),
)
removals = Table(
    "removals",
    metadata,
    Column("digest", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("landed", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", String, nullable=False),
)
forgettings = Table(
    "forgettings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("dataset", String, nullable=False),
    Column("batch", String, nullable=False),
    Column("rows", Integer),
    Column("reason", Text, nullable=False),
    Column("at", String, nullable=False),
)


class State:
    """An open state database; raises HomeError if it cannot be opened or has another format.

    A full disk raises sqlalchemy's OperationalError, here as in every write.

    `address` is a Postgres URL; if empty, SQLite in the home is used. `begin` is called before a
    new state is created, and raises an error to refuse. `shown` is its name in messages, without
    a password.
    A state of an older format is copied, then migrated, which is logged as a warning.
    """

    def __init__(self, home: Path, address: str, begin: Callable[[], None]) -> None:
        self._home = home
        self._begin = begin
        self._sqlite = not address
        if self._sqlite:
            self.shown = f"sqlite:///{home / 'state.db'}"
            # Autocommit and an explicit BEGIN IMMEDIATE: a transaction that reads first and
            # writes later would fail at once, not wait, when another process wrote between.
            self.engine = create_engine(
                self.shown, isolation_level="AUTOCOMMIT", connect_args={"timeout": TIMEOUT}
            )
            event.listen(self.engine, "connect", _pragmas)
            event.listen(self.engine, "handle_error", self._damaged)
            opening = self._open_sqlite
        else:
            from ml_assets.store import postgres

            url = postgres.parse(address)
            self.shown = postgres.shown(url)
            self.engine = postgres.open_engine(url)
            opening = partial(self._open_postgres, url)
        try:
            opening()
        except BaseException:
            self.close()
            raise

    def _open_postgres(self, url: URL) -> None:
        from ml_assets.store import postgres

        try:
            self.schema = postgres.schema_of(self.engine)
            self._queue = postgres.lock_number(self.schema, "writes")
            self._open()
        except DatabaseError as error:
            raise postgres.unusable(url, error) from error

    def _open_sqlite(self) -> None:
        try:
            self._open()
        except UnicodeDecodeError as error:
            # SQLite's own error names tables whose names are not text.
            raise self._broken(str(error)) from error
        except DatabaseError as error:
            if getattr(error.orig, "sqlite_errorname", "").startswith(NO_ROOM):
                raise
            raise HomeError(
                f"the state database {self.shown} cannot be used: {error.orig}; "
                "the home must be writable and its disk must have free space"
            ) from error

    def _damaged(self, context: ExceptionContext) -> None:
        """Turn SQLite's errors about a damaged file, at any statement, into one that names it."""
        error = context.original_exception
        name = getattr(error, "sqlite_errorname", "")
        # Text that is not UTF-8 has no error number.
        if name.startswith(DAMAGED) or str(error).startswith("Could not decode"):
            raise self._broken(str(error).partition(" with text ")[0]) from error

    def _broken(self, said: str) -> HomeError:
        return HomeError(
            f"the state database {self.shown} cannot be used: {said}; "
            "it is damaged: restore it from a copy"
        )

    def _open(self) -> None:
        kept = ""
        with self.write() as db:
            version = _format(db)
            if version is None:
                self._begin()
            elif version != FORMAT:
                kept = self._upgrade(db, version)
            metadata.create_all(db, checkfirst=True)
            insert_missing(db, meta, [{"key": "format", "value": FORMAT}])
        if kept:
            logging.getLogger(__name__).warning(
                "the state %s was migrated from store format %s to %s; the previous state is kept "
                "in %s",
                *(self.shown, version, FORMAT, kept),
            )

    def _upgrade(self, db: Connection, version: str) -> str:
        """Copy and migrate a state of an older format; return the place of the copy."""
        if not version.isdecimal() or int(version) > int(FORMAT):
            raise HomeError(
                f"the home has store format {version}, this version of ml_assets reads up to "
                f"{FORMAT}; use the version that created it, or a later one",
                got=version,
                wanted=FORMAT,
            )
        from ml_assets.store import earlier, migrate

        if self._sqlite:
            kept = str(earlier.copy_file(self.engine, self._home, version))
        else:
            kept = f"the schema {earlier.copy_schema(db, self.schema, version)}"
        migrate.upgrade(db, version, FORMAT)
        db.execute(update(meta).where(meta.c.key == "format").values(value=FORMAT))
        return kept

    def copies(self) -> list[str]:
        """Return every copy of the state that a migration left: files, or schemas."""
        from ml_assets.store import earlier

        if self._sqlite:
            return [str(path) for path in earlier.files(self._home)]
        with self.read() as db:
            return earlier.schemas(db, self.schema)

    def drop_copies(self) -> None:
        """Remove every copy of the state that a migration left."""
        from ml_assets.store import earlier

        for name in self.copies():
            if self._sqlite:
                Path(name).unlink(missing_ok=True)
            else:
                with self.write() as db:
                    earlier.drop_schema(db, name)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection for reading from one snapshot."""
        with self.engine.connect() as db:
            if not self._sqlite:
                db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                yield db
                return
            db.exec_driver_sql("BEGIN")
            try:
                yield db
            finally:
                db.exec_driver_sql("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction: all or nothing, one writer at a time."""
        if not self._sqlite:
            from ml_assets.store.postgres import queue_writer

            with self.engine.begin() as db:
                queue_writer(db, self._queue)
                yield db
            return
        with self.engine.connect() as db:
            db.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.exec_driver_sql("ROLLBACK")
                raise
            db.exec_driver_sql("COMMIT")

    def vacuum(self) -> None:
        """Rewrite the database's files, so that freed pages hold no deleted rows."""
        if not self._sqlite:
            from ml_assets.store.postgres import vacuum

            vacuum(self.engine, [table.name for table in metadata.sorted_tables])
            return
        with self.engine.connect() as db:
            db.exec_driver_sql("VACUUM")
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_state(home: Path, address: str = "", begin: Callable[[], None] = lambda: None) -> State:
    """Open (or make) the state of a home: SQLite in it, or the Postgres database of a URL.

    `begin` as in State. Raises HomeError if it cannot be used.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not address:
            # Created before SQLite would, which would make it and its log readable for everyone.
            with suppress(FileExistsError):
                os.close(os.open(home / "state.db", os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise HomeError(f"the home {home} cannot be created: {error.strerror}") from error
    return State(home, address, begin)


def _format(db: Connection) -> str | None:
    """Return the format of a state; None if it is empty."""
    if not db.dialect.has_table(db, meta.name):
        return None
    stored = db.execute(select(meta.c.value).where(meta.c.key == "format")).scalar()
    return None if stored is None else str(stored)


def insert_missing(db: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, skipping those whose key or unique columns exist already."""
    if not rows:
        return
    if db.dialect.name == "sqlite":
        db.execute(sqlite.insert(table).on_conflict_do_nothing(), list(rows))
    else:
        from sqlalchemy.dialects import postgresql

        db.execute(postgresql.insert(table).on_conflict_do_nothing(), list(rows))


def now() -> str:
    """Return the time in UTC, to the millisecond, as ISO text."""
    return clock.now().isoformat(timespec="milliseconds")


def dump(value: Any) -> str:
    """Return a value as stored in a text column."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def load(text: str) -> Any:
    """Return the value stored in a text column; raises HomeError if it is invalid."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise unreadable(str(error)) from error


def unreadable(said: str) -> HomeError:
    """Return the error for a state that holds a value nobody wrote."""
    return HomeError(
        f"the state of this home is damaged, a stored value was changed: {said}; "
        "restore state.db (or the database that ML_ASSETS_STATE names) from a copy"
    )


def _pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Switch to write-ahead logging; SQLite's own timeout does not wait for another's switch."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
