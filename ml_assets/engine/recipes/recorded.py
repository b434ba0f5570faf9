"""A cell as it is recorded, for recipes that keep what was made once.

Belongs here: from a record to what a recipe returns. Does not belong here: whether it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.assets.cells import Cell
from ml_assets.engine.session import Done, Made, Session
from ml_assets.store.records import Current, Pointer, Version

CHECK = "check:"
"""Before the name of a check, among the actions of a record."""


def as_recorded(
    session: Session, cell: Cell, held: Current | Pointer | Version, facts: Mapping[str, Any]
) -> tuple[Made, bool]:
    """Return a cell with those of its actions that the store still has, and whether all are."""
    records = {part: session.known(key) for part, key in held.actions.items()}
    done = {part: Done(record) for part, record in records.items() if record is not None}
    checks = {p.removeprefix(CHECK): a for p, a in done.items() if p.startswith(CHECK)}
    stages = {p: a for p, a in done.items() if not p.startswith(CHECK)}
    made = Made(cell, held.outputs, dict(stages), dict(checks), facts)
    return made, len(done) == len(records)
