"""One snapshot of a database, read by a query in pieces.

The address comes from the environment and is in no message: it may hold a password. Belongs here:
connecting, SQL, errors. Does not belong here: what is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, BindParameter, Connection, NullPool, bindparam, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ml_assets.errors import RequestError
from ml_assets.spec.sql import Sql

CHUNK = 20_000
"""Rows fetched at once."""
Rows = Sequence[Sequence[Any]]
WANTED = "postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:////path/to/file.db"


class Snapshot:
    """The rows of a query in one transaction: what others commit meanwhile is not seen."""

    def __init__(self, db: Connection, query: str) -> None:
        self._db, self._query = db, query
        self._open = ExitStack()

    def quoted(self, name: str) -> str:
        """Return the name of a column as SQL."""
        return self._db.dialect.identifier_preparer.quote(name)

    def read(
        self, what: str, where: str, values: Mapping[str, Any]
    ) -> Iterator[tuple[list[str], Rows]]:
        """Yield the names of the columns and some rows; once without rows where there are none."""
        clause = f" WHERE {where}" if where else ""
        # A colon of the query's own is not a parameter.
        own = self._query.replace(":", r"\:")
        lists: list[BindParameter[Any]] = [
            bindparam(name, expanding=True)
            for name, value in values.items()
            if isinstance(value, list)
        ]
        said = text(f"SELECT {what} FROM ({own}\n) AS pulled{clause}").bindparams(*lists)
        cursor = self._db.execution_options(yield_per=CHUNK).execute(said, dict(values))
        self._open.callback(cursor.close)
        names, some = list(cursor.keys()), False
        for rows in cursor.partitions(CHUNK):
            some = True
            yield names, rows
        if not some:
            yield names, []

    def close(self) -> None:
        """Close what was not read to its end."""
        self._open.close()

    def one(self, what: str, where: str = "", values: Mapping[str, Any] | None = None) -> Any:
        """Return a single value."""
        (_, rows), *_ = self.read(what, where, values or {})
        return rows[0][0]


@contextmanager
def snapshot(sql: Sql) -> Iterator[Snapshot]:
    """Open a database for reading; RequestError where it cannot be used, or the query fails."""
    url = _address(sql)
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        with engine.connect() as db:
            _begin(db)
            with closing(Snapshot(db, sql.query)) as reader:
                yield reader
            db.rollback()
    except SQLAlchemyError as error:
        raise RequestError(f"{sql.url}: {_said(error, url)}; nothing landed") from None


def _begin(db: Connection) -> None:
    if db.dialect.name == "sqlite":
        # Its driver begins no transaction for a SELECT.
        db.execution_options(isolation_level="AUTOCOMMIT")
        db.exec_driver_sql("PRAGMA query_only = 1")
        db.exec_driver_sql("BEGIN")
    else:
        db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _address(sql: Sql) -> URL:
    given = os.environ.get(sql.variable, "").strip()
    if not given:
        raise RequestError(
            f"landing.sql.url is {sql.url}, but the environment variable {sql.variable} is not "
            f"set; set it to the database's address ({WANTED})"
        )
    try:
        url = make_url(given)
        kind = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise RequestError(
            f"{sql.variable} is not the address of a database; wanted {WANTED}"
        ) from None
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise RequestError(f"{sql.variable} names a database of {kind}; wanted {WANTED}")
    if not url.database or not Path(url.database).is_file():
        raise RequestError(f"{sql.variable}: no SQLite file {url.database}; wanted {WANTED}")
    return url


def _said(error: SQLAlchemyError, url: URL) -> str:
    """Return what the database answered, without statement, values and password."""
    said = " ".join(str(getattr(error, "orig", None) or error).split())
    secret = url.password
    for hidden in (secret, quote(secret or ""), quote_plus(secret or "")):
        said = said.replace(hidden, "***") if hidden else said
    return said
