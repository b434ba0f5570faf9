"""Landed batches and withdrawals.

`landings` is append-only: the n-th row of a batch is its n-th landed content. A
withdrawal excludes every landing up to the newest one at its time; a later landing
(other bytes, or the same bytes passed to `land` again) takes effect. The environments
of a home share the landings of files; each has its own withdrawals, and its own requests, whose
landings are named `<env>/<day>…`, as no file can be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from ml_assets.store.state import (
    State,
    files,
    insert_missing,
    landings,
    now,
    objects,
    removals,
    withdrawals,
)


@dataclass(frozen=True)
class Landed:
    """One landed content of a batch (`batch` is empty for a snapshot)."""

    id: int
    dataset: str
    batch: str
    digest: str
    name: str
    landed: str

    @property
    def env(self) -> str:
        """The environment that alone has it; empty if all do."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class Withdrawn:
    """The newest withdrawal of a batch; it excludes landings up to `upto`."""

    upto: int
    reason: str
    at: str


class Batches:
    """The landed batches of a home.

    `machine` distinguishes the landing folders of a shared home; it is empty if there is only one.
    """

    def __init__(self, state: State, machine: str = "", env: str = "") -> None:
        self._state = state
        self._env = env
        self._mine = f"{machine}:" if machine else ""

    def landed(self) -> dict[tuple[str, str], list[Landed]]:
        """Return the landings of this environment, as `everywhere` does."""
        by_place = {}
        for place, items in self.everywhere().items():
            mine = [item for item in items if item.env in ("", self._env)]
            if mine:
                by_place[place] = mine
        return by_place

    def names(self, dataset: str) -> set[str]:
        """Return the batches of a dataset that landed in this environment, collected or not."""
        with self._state.read() as db:
            rows = db.execute(
                select(landings.c.batch, landings.c.name).where(landings.c.dataset == dataset)
            ).all()
        return {row.batch for row in rows if row.name.rpartition("/")[0] in ("", self._env)}

    def everywhere(self) -> dict[tuple[str, str], list[Landed]]:
        """Return the landings that were not collected, by dataset and batch, newest first."""
        gone = select(removals.c.digest).where(removals.c.landed == 1)
        with self._state.read() as db:
            rows = db.execute(
                select(landings)
                .where(landings.c.digest.not_in(gone))
                .order_by(landings.c.id.desc())
            ).all()
        by_place: dict[tuple[str, str], list[Landed]] = defaultdict(list)
        for row in rows:
            by_place[row.dataset, row.batch].append(Landed(*row))
        return dict(by_place)

    def size(self) -> int:
        """Return the total size of everything that ever landed; equal contents count once."""
        with self._state.read() as db:
            digests = select(landings.c.digest)
            total = select(func.sum(objects.c.size)).where(objects.c.digest.in_(digests))
            return int(db.execute(total).scalar() or 0)

    def land(self, dataset: str, batch: str, digest: str, name: str, again: bool = False) -> bool:
        """Add a landing and return True, unless the batch's newest has the same content.

        With `again`, it is added even then if an environment has withdrawn the batch.
        """
        mine = (landings.c.dataset == dataset, landings.c.batch == batch)
        with self._state.write() as db:
            newest = db.execute(
                select(landings).where(*mine).order_by(landings.c.id.desc()).limit(1)
            ).one_or_none()
            if newest is not None and newest.digest == digest:
                out = db.execute(
                    select(func.max(withdrawals.c.upto)).where(
                        withdrawals.c.dataset == dataset, withdrawals.c.batch == batch
                    )
                ).scalar()
                if not (again and out is not None and out >= newest.id):
                    return False
            row = {
                "dataset": dataset,
                "batch": batch,
                "digest": digest,
                "name": name,
                "landed": now(),
            }
            insert_missing(db, landings, [row])
        return True

    def newest(self, dataset: str) -> dict[str, int]:
        """Return the id of the newest landing of each batch of a dataset."""
        with self._state.read() as db:
            return _newest(db, dataset)

    def land_parts(
        self,
        dataset: str,
        parts: Mapping[str, tuple[str, str]],
        seen: Mapping[str, int],
    ) -> bool:
        """Add the landings of several batches, all or none; False if others landed since.

        `parts` has the digest and name of each batch, `seen` is what `newest` said when they were
        made.
        """
        with self._state.write() as db:
            if _newest(db, dataset) != dict(seen):
                return False
            at = now()
            rows = [
                {"dataset": dataset, "batch": batch, "digest": digest, "name": name, "landed": at}
                for batch, (digest, name) in parts.items()
            ]
            insert_missing(db, landings, rows)
        return True

    def withdraw(self, env: str, dataset: str, batch: str, reason: str) -> bool:
        """Take a batch out of an environment; return whether there was one."""
        with self._state.write() as db:
            newest = db.execute(
                select(func.max(landings.c.id)).where(
                    landings.c.dataset == dataset, landings.c.batch == batch
                )
            ).scalar()
            if newest is None:
                return False
            row = {
                "env": env,
                "dataset": dataset,
                "batch": batch,
                "upto": newest,
                "reason": reason,
                "at": now(),
            }
            insert_missing(db, withdrawals, [row])
        return True

    def withdrawn(self, env: str) -> dict[tuple[str, str], Withdrawn]:
        """Return the newest withdrawal of each batch in an environment."""
        return {(dataset, batch): out for dataset, batch, out in self.withdrawals(env)}

    def withdrawals(self, env: str) -> list[tuple[str, str, Withdrawn]]:
        """Return every withdrawal in an environment with its dataset and batch, oldest first."""
        with self._state.read() as db:
            rows = db.execute(
                select(withdrawals).where(withdrawals.c.env == env).order_by(withdrawals.c.id)
            ).all()
        return [(r.dataset, r.batch, Withdrawn(r.upto, r.reason, r.at)) for r in rows]

    def known_files(self) -> Mapping[str, tuple[str, str]]:
        """Return path -> (stat, digest) of every hashed file of this machine's landing folder."""
        mine = files.c.path.startswith(self._mine, autoescape=True)
        with self._state.read() as db:
            rows = db.execute(select(files).where(mine)).all()
        return {row.path.removeprefix(self._mine): (row.stat, row.digest) for row in rows}

    def remember_file(self, path: str, stat: str, digest: str) -> None:
        """Keep a landing file's digest, so that it is hashed again only when its stat changes."""
        row = {"path": self._mine + path, "stat": stat, "digest": digest}
        with self._state.write() as db:
            db.execute(delete(files).where(files.c.path == row["path"]))
            insert_missing(db, files, [row])


def _newest(db: Connection, dataset: str) -> dict[str, int]:
    newest = select(landings.c.batch, func.max(landings.c.id)).group_by(landings.c.batch)
    rows = db.execute(newest.where(landings.c.dataset == dataset)).all()
    return {row[0]: row[1] for row in rows}
