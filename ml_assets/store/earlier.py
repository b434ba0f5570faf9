"""Copies of the state from before a migration.

For SQLite a copy is a file in the home's folder `copies/`, for Postgres a schema in the same
database; each is named after its format and time. They contain all that the state contained, also
values of rows in check results, so a legal deletion must cover them. Belongs here: making, listing
and dropping them. Does not belong here: when one is due (`state`).
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from ml_assets.errors import HomeError

NAME = "state-format-{}-{:%Y%m%dT%H%M%S}Z.db"
SCHEMA = "{}_format_{}_{:%Y%m%dt%H%M%S}z"
FILE = re.compile(r"state-format-\w+-\d{8}T\d{6}Z\.db(\.tmp)?")


def folder(home: Path) -> Path:
    """Return the folder of the copies of a state in SQLite."""
    return home / "copies"


def files(home: Path) -> list[Path]:
    """Return the copies of a state in SQLite, half-written ones too, oldest first."""
    place = folder(home)
    paths = place.iterdir() if place.is_dir() else ()
    return sorted(path for path in paths if FILE.fullmatch(path.name))


def copy_file(engine: Engine, home: Path, version: str) -> Path:
    """Copy a state in SQLite, of which the caller holds the write lock; return the copy.

    Raises HomeError if it cannot be written, and OperationalError on a full disk; either leaves
    no file behind.
    """
    copy = folder(home) / NAME.format(version, datetime.now(UTC))
    temporary = copy.with_suffix(".db.tmp")
    try:
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        for left in copy.parent.glob("*.tmp"):
            left.unlink()
        # Created first: SQLite would make it readable for everyone.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o600))
        with engine.connect() as db:
            db.exec_driver_sql("VACUUM INTO ?", (str(temporary),))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, copy)
    except OSError as error:
        raise HomeError(
            f"the state is copied before a migration, but {copy} cannot be written: "
            f"{error.strerror}; nothing was changed"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return copy


def copy_schema(db: Connection, schema: str, version: str) -> str:
    """Copy the tables of a schema into a new one, in the open transaction; return its name.

    It includes indexes and counters, so that each table can be moved back (`SET SCHEMA`).
    """
    name = SCHEMA.format(schema, version, datetime.now(UTC))
    quote = db.dialect.identifier_preparer.quote
    old, new = quote(schema), quote(name)
    db.exec_driver_sql(f"CREATE SCHEMA {new}")
    for table in inspect(db).get_table_names(schema):
        source, target = f"{old}.{quote(table)}", f"{new}.{quote(table)}"
        db.exec_driver_sql(f"CREATE TABLE {target} (LIKE {source} INCLUDING ALL)")
        db.exec_driver_sql(f"INSERT INTO {target} SELECT * FROM {source}")
        for column in inspect(db).get_columns(table, schema):
            if column["autoincrement"] is True:
                _count(db, new, table, quote(column["name"]))
    return name


def _count(db: Connection, schema: str, table: str, column: str) -> None:
    """Give a column of a copied table its own counter, which starts after the largest value."""
    quote = db.dialect.identifier_preparer.quote
    target, counter = f"{schema}.{quote(table)}", f"{schema}.{quote(f'{table}_{column}_seq')}"
    db.exec_driver_sql(f"CREATE SEQUENCE {counter} OWNED BY {target}.{column}")
    db.exec_driver_sql(
        f"ALTER TABLE {target} ALTER COLUMN {column} SET DEFAULT nextval('{counter}')"
    )
    db.exec_driver_sql(
        f"SELECT setval('{counter}', COALESCE(max({column}), 0) + 1, false) FROM {target}"
    )


def schemas(db: Connection, schema: str) -> list[str]:
    """Return the copies of the tables of a schema, oldest first."""
    names = db.execute(text("SELECT nspname FROM pg_namespace")).scalars()
    wanted = re.compile(re.escape(schema) + r"_format_\w+_\d{8}t\d{6}z")
    return sorted(name for name in names if wanted.fullmatch(name))


def drop_schema(db: Connection, name: str) -> None:
    """Drop a copy."""
    db.exec_driver_sql(f"DROP SCHEMA {db.dialect.identifier_preparer.quote(name)} CASCADE")
