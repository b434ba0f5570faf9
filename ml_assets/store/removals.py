"""What was removed from a home on purpose: collected as garbage, or deleted by law.

`removals` records when and why each object was removed, for messages about it.
`forgettings` is the tombstone of a legal deletion: its subject, never the values.
If content is produced again, its removal record is deleted, except for forgotten landings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from ml_assets.store.state import State, forgettings, insert_missing, now, objects, removals

COLLECTED, FORGOTTEN = "collected", "forgotten"


@dataclass(frozen=True)
class Forgetting:
    """One legal deletion; `rows` is None for a whole batch."""

    dataset: str
    batch: str
    rows: int | None
    reason: str
    at: str


def removal(db: Connection, digest: str) -> str | None:
    """Return how an object was removed, for messages; None if it was not."""
    row = db.execute(select(removals).where(removals.c.digest == digest)).one_or_none()
    if row is None:
        return None
    if row.kind == COLLECTED:
        return f"removed by `ml-assets gc` at {row.at}"
    return f"forgotten at {row.at}: {row.reason}"


def lift(db: Connection, digest: str) -> None:
    """Record that an object exists again; a forgotten landing stays forgotten."""
    stays = (removals.c.kind == FORGOTTEN) & (removals.c.landed == 1)
    db.execute(delete(removals).where(removals.c.digest == digest, ~stays))


class Removals:
    """The removed objects of a home, and its tombstones."""

    def __init__(self, state: State) -> None:
        self._state = state

    def why(self, digest: str) -> str | None:
        """Return how an object was removed, for messages; None if it was not."""
        with self._state.read() as db:
            return removal(db, digest)

    def landed(self) -> set[str]:
        """Return the digests of landed files that were removed."""
        with self._state.read() as db:
            query = select(removals.c.digest).where(removals.c.landed == 1)
            return set(db.execute(query).scalars())

    def forgotten(self, digest: str) -> bool:
        """Return whether a landed file with this content was forgotten; it must not land again."""
        with self._state.read() as db:
            row = db.execute(
                select(removals.c.digest).where(
                    removals.c.digest == digest,
                    removals.c.landed == 1,
                    removals.c.kind == FORGOTTEN,
                )
            ).first()
        return row is not None

    def forgettings(self) -> list[Forgetting]:
        """Return every tombstone, oldest first."""
        with self._state.read() as db:
            rows = db.execute(select(forgettings).order_by(forgettings.c.id)).all()
        return [Forgetting(r.dataset, r.batch, r.rows, r.reason, r.at) for r in rows]

    def remove(self, digests: Mapping[str, bool], kind: str, reason: str = "") -> None:
        """Remove objects (digest -> whether it is a landed file) from the state, all or none.

        The caller removes their files. If it is killed first, the next collection removes the
        files, which no row knows.
        """
        at = now()
        rows = [
            {"digest": digest, "kind": kind, "landed": int(landed), "reason": reason, "at": at}
            for digest, landed in digests.items()
        ]
        with self._state.write() as db:
            _drop(db, list(digests))
            insert_missing(db, removals, rows)


def _drop(db: Connection, digests: Sequence[str]) -> None:
    for start in range(0, len(digests), 500):
        part = digests[start : start + 500]
        db.execute(delete(objects).where(objects.c.digest.in_(part)))
        db.execute(delete(removals).where(removals.c.digest.in_(part)))
