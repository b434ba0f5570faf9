"""A copy of the package that has one store format more: tombstones have a column `origin`."""

from __future__ import annotations

from pathlib import Path

from ml_assets.store.state import FORMAT
from ml_assets_tests.upgraded import Upgraded

LATER = str(int(FORMAT) + 1)
REVISION = f"""
from alembic import op
from sqlalchemy import Column, Text

revision, down_revision = "{LATER}", "{FORMAT}"


def upgrade() -> None:
    with op.batch_alter_table("forgettings") as table:
        table.add_column(Column("origin", Text, nullable=False, server_default="till"))
"""
TABLE = 'Column("rows", Integer),\n    Column("reason"'
COLUMN = 'Column("origin", Text, nullable=False, server_default="till"),\n    Column("reason"'


def later_format(root: Path, project: Path) -> Upgraded:
    """Make the copy below a folder, to be run on a project."""
    found = Upgraded.of(root, project)
    found.edit("store/state.py", f'FORMAT = "{FORMAT}"', f'FORMAT = "{LATER}"')
    found.edit("store/state.py", TABLE, TABLE.replace('Column("reason"', COLUMN))
    revision(found).write_text(REVISION)
    return found


def revision(copy: Upgraded) -> Path:
    """Return the revision that it has more."""
    return copy.root / "ml_assets" / "store" / "migrations" / f"format_{LATER}.py"
