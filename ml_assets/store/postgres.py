"""The state on Postgres: how to connect, and how writers queue; imported only when it is used.

Does not belong here: the tables (`state`), locks that outlive a transaction (`database_locks`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from ml_assets.errors import HomeError

WANTED = "wanted ML_ASSETS_STATE=postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it"
KEEPALIVES = {"idle": 30, "interval": 10, "count": 3}
"""Two in seconds, then a count: a disconnected machine loses its locks within a minute."""


def parse(address: str) -> URL:
    """Return a Postgres URL; raises HomeError, whose message never repeats a possible password."""
    try:
        url = make_url(address)
        if url.get_backend_name() in ("postgresql", "postgres") and url.database:
            return url.set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise HomeError(f"ML_ASSETS_STATE is not a database URL; {WANTED}") from None
    raise HomeError(f"ML_ASSETS_STATE names {url.drivername!r}, {url.database!r}; {WANTED}")


def shown(url: URL) -> str:
    """Return a URL for messages: without password or options."""
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database)
    return plain.render_as_string()


def open_engine(url: URL) -> Engine:
    """Return an engine with which client and server each notice when the other is gone."""
    options: dict[str, Any] = {f"keepalives_{name}": value for name, value in KEEPALIVES.items()}
    if "connect_timeout" not in url.query:
        options["connect_timeout"] = 10
    engine = create_engine(url, connect_args=options, pool_pre_ping=True)
    event.listen(engine, "connect", _keep_alive)
    return engine


def _keep_alive(connection: Any, _record: Any) -> None:
    for name, value in KEEPALIVES.items():
        connection.execute(f"SET tcp_keepalives_{name} = {value}")
    connection.commit()


def unusable(url: URL, error: DatabaseError) -> HomeError:
    """Return the error of a database that could not be opened."""
    said = " ".join(str(error.orig).split())
    if url.password:
        said = said.replace(str(url.password), "***")
    cure = (
        "is the server up, and are host, user, password and database of ML_ASSETS_STATE right?"
        if isinstance(error, OperationalError)
        else "its user must be allowed to create tables and, to migrate an older home, a schema"
    )
    return HomeError(f"the state database {shown(url)} cannot be used: {said}; {cure}")


def schema_of(engine: Engine) -> str:
    """Return the schema that the tables are in."""
    with engine.connect() as db:
        return str(db.execute(text("SELECT current_schema()")).scalar())


def lock_number(schema: str, name: str) -> int:
    """Return the number of a lock, from its name and the schema, as a signed 64-bit integer."""
    digest = hashlib.sha256(f"ml_assets {schema} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def queue_writer(db: Connection, number: int) -> None:
    """Let one transaction write at a time, as SQLite does: what it has read stays valid."""
    db.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def vacuum(engine: Engine, tables: Sequence[str]) -> None:
    """Rewrite tables, so that their files hold no deleted rows."""
    with engine.connect() as db:
        db.execution_options(isolation_level="AUTOCOMMIT")
        db.exec_driver_sql(f"VACUUM (FULL) {', '.join(tables)}")
