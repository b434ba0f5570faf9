"""The state's part of a legal deletion: one transaction, and the work that remains after it.

Belongs here: the writes. Does not belong here: which objects contain a row (`operations/forget`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from ml_assets.store.removals import FORGOTTEN
from ml_assets.store.state import (
    State,
    actions,
    current,
    dump,
    files,
    forgettings,
    insert_missing,
    landings,
    load,
    now,
    objects,
    removals,
    settings,
)

PENDING = "forget"
"""The setting (of no environment) that records unfinished deletions."""


@dataclass
class Deletion:
    """What a legal deletion removes."""

    dataset: str
    reason: str
    rows: dict[str, int | None] = field(default_factory=dict)
    """Batch -> number of rows to remove, None for the whole batch."""
    landed: dict[str, str | None] = field(default_factory=dict)
    """Digest of a landed file -> digest without the rows; None if all of it is removed."""
    objects: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    assets: set[str] = field(default_factory=set)


def apply(state: State, deletion: Deletion) -> None:
    """Apply it to the state in one transaction, and record which files are still to be removed."""
    at = now()
    gone = {*deletion.objects, *deletion.landed}
    with state.write() as db:
        for old, new in deletion.landed.items():
            mine = (landings.c.dataset == deletion.dataset, landings.c.digest == old)
            if new is None:
                db.execute(delete(landings).where(*mine))
            else:
                # In place, so that the order of landings and the withdrawals stay as they are.
                db.execute(update(landings).where(*mine).values(digest=new))
            db.execute(delete(files).where(files.c.digest == old))
        for digest in gone:
            db.execute(delete(objects).where(objects.c.digest == digest))
            db.execute(delete(removals).where(removals.c.digest == digest))
        for key in deletion.actions:
            db.execute(delete(actions).where(actions.c.key == key))
        _drop_current(db, {*gone, *deletion.actions})
        insert_missing(
            db,
            removals,
            [
                {
                    "digest": digest,
                    "kind": FORGOTTEN,
                    "landed": int(digest in deletion.landed),
                    "reason": deletion.reason,
                    "at": at,
                }
                for digest in sorted(gone)
            ],
        )
        for batch, rows in sorted(deletion.rows.items()):
            stone = {"dataset": deletion.dataset, "batch": batch, "rows": rows}
            db.execute(insert(forgettings), {**stone, "reason": deletion.reason, "at": at})
        document = {"digests": sorted(gone), "assets": sorted(deletion.assets)}
        before = _pending(db)
        db.execute(delete(settings).where(*_mine()))
        db.execute(
            insert(settings), {"env": "", "key": PENDING, "value": dump([*before, document])}
        )


def pending(state: State) -> list[Mapping[str, Any]]:
    """Return what deletions still have to remove: `digests` of files, and published `assets`."""
    with state.read() as db:
        return _pending(db)


def finished(state: State) -> None:
    """Record that all deletions are complete.

    Copies of earlier states are removed first, and the state's freed pages are overwritten. If the
    process is killed before that, the next deletion does it.
    """
    state.drop_copies()
    state.vacuum()
    with state.write() as db:
        db.execute(delete(settings).where(*_mine()))


def _mine() -> tuple[Any, ...]:
    return settings.c.env == "", settings.c.key == PENDING


def _pending(db: Connection) -> list[Mapping[str, Any]]:
    value = db.execute(select(settings.c.value).where(*_mine())).scalar()
    return [] if value is None else load(value)


def _drop_current(db: Connection, names: Collection[str]) -> None:
    """Remove current pointers whose content depends on something that was removed."""
    for row in db.execute(select(current)).all():
        held = {ref["digest"] for ref in load(row.outputs).values()}
        held |= set(load(row.actions).values())
        if held & set(names):
            db.execute(
                delete(current).where(
                    current.c.env == row.env,
                    current.c.asset == row.asset,
                    current.c.partition == row.partition,
                )
            )
