"""A state of an older format becomes one of today's; imported only where there is such a state.

Belongs here: which revisions of `migrations/` are run, in which order. Does not belong here: the
transaction around them and what is kept of the state as it was (`state`, `earlier`).
"""

from __future__ import annotations

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

FOLDER = Path(__file__).parent / "migrations"


def revisions() -> ScriptDirectory:
    """Return the revisions, one a format."""
    return ScriptDirectory(FOLDER, version_locations=[FOLDER])


def upgrade(db: Connection, found: str, wanted: str) -> None:
    """Change the tables of one format into those of a later one, in the open transaction."""
    steps = reversed(list(revisions().iterate_revisions(wanted, found)))
    with Operations.context(MigrationContext.configure(db)):
        for step in steps:
            step.module.upgrade()
