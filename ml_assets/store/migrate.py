"""Migrates a state of an older format to the current one; imported only when it is needed.

Belongs here: which revisions of `migrations/` run, and in which order. Does not belong here: the
transaction around them (`state`) and the copy of the state from before (`earlier`).
"""

from __future__ import annotations

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

FOLDER = Path(__file__).parent / "migrations"


def revisions() -> ScriptDirectory:
    """Return the revisions, one for each format."""
    return ScriptDirectory(FOLDER, version_locations=[FOLDER])


def upgrade(db: Connection, version: str, wanted: str) -> None:
    """Change the tables of one format into those of a later one, in the open transaction."""
    steps = reversed(list(revisions().iterate_revisions(wanted, version)))
    with Operations.context(MigrationContext.configure(db)):
        for step in steps:
            step.module.upgrade()
