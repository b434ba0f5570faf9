"""A delivered file to landings of the batches whose rows changed: all of them, or nothing.

Belongs here: what a delivery adds, replaces and takes away, and its limits. Does not belong here:
folders (`landing`), how a file is cut (`read`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ml_assets.engine.batch_names import Names
from ml_assets.engine.cutting.compare import BatchRecords, Compared, Hashes, compared, joined, only
from ml_assets.engine.cutting.outcome import FORGOTTEN, Change, CutFile
from ml_assets.engine.cutting.parts import Parts
from ml_assets.engine.cutting.read import cut
from ml_assets.engine.hiding.landed import mark_part
from ml_assets.errors import RequestError
from ml_assets.spec.cut import UNASSIGNED
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.stages.budget import wanted, within
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.store import temporary
from ml_assets.store.batches import Landed
from ml_assets.store.digest import bytes_digest
from ml_assets.store.home import Home

TRIES = 20
"""Deliveries at the same time are landed one after the other."""
LISTED = 5


@dataclass
class _Plan:
    """What a delivery would change, before anything is written."""

    changes: dict[str, Change] = field(default_factory=dict)
    same: int = 0
    known: int = 0
    """Rows that landed before, in all batches."""
    gone: list[Hashes] = field(default_factory=list)
    """Rows that landed before and that their batch lacks now."""
    added: dict[str, Hashes] = field(default_factory=dict)
    """By batch: rows that it did not have."""
    new: list[str] = field(default_factory=list)
    """Batches of which nothing had landed: all of their rows are added."""

    def added_in(self, batches: Collection[str], parts: Parts, spec: DatasetSpec) -> Hashes:
        """Return the rows that batches did not have."""
        new = {
            name: BatchRecords(parts.content(name), spec).keys
            for name in batches
            if name in self.new
        }
        hashes = [(new | self.added).get(name) for name in batches]
        return np.concatenate([np.zeros(0, np.uint64), *(f for f in hashes if f is not None)])


@dataclass(frozen=True)
class Held:
    """Which batches a delivery holds whole, so that the rows it lacks are gone."""

    every: bool = False
    batches: frozenset[str] = frozenset()

    def whole(self, batch: str) -> bool:
        """Tell whether all rows of a batch are in the delivery."""
        return self.every or batch in self.batches


def deliver_file(
    home: Home,
    project: Project,
    dataset: str,
    path: Path,
    name: str,
    sure: Callable[[], None] = lambda: None,
) -> CutFile:
    """Land the batches of a file that are new or changed; `name` is the file's, for people.

    `sure` is called once the file is read, and raises where it was changed meanwhile.
    """
    spec = project.datasets[dataset]

    def fill(parts: Parts) -> Held:
        cut(path, spec, parts)
        sure()
        return Held(every=spec.landing.whole)

    return deliver(home, project, dataset, name, fill)


def deliver(
    home: Home,
    project: Project,
    dataset: str,
    name: str,
    fill: Callable[[Parts], Held],
) -> CutFile:
    """Land the batches that are new or changed in what `fill` adds.

    Raises RequestError, with nothing landed, where that cannot be cut, or lacks more of the known
    rows than it may.
    """
    spec = project.datasets[dataset]
    with temporary.folder(home.root) as folder:
        parts = Parts(folder, spec)
        try:
            held = fill(parts)
        except Unreadable as error:
            raise RequestError(f"{name}: {error.reason}; nothing landed") from None
        if not held.batches:
            # Some batches of a query say nothing about the share of all rows.
            _refuse_nameless(name, spec, parts)
        _refuse_names(home, project, dataset, name, parts)
        for _ in range(TRIES):
            parts.restore()
            newest = home.batches.newest(dataset)
            plan = _planned(home, spec, parts, _before(home, dataset), name, held)
            if _landed(home, spec, dataset, name, parts, plan, newest):
                order = project.ordered(dataset, plan.changes)
                changes = [plan.changes[batch] for batch in order]
                nameless = dict(parts.nameless.most_common(LISTED))
                return CutFile(name, parts.rows.total(), changes, plan.same, nameless)
    raise RequestError(f"{name}: other files of {dataset} kept landing meanwhile; land it again")


def _before(home: Home, dataset: str) -> dict[str, tuple[Landed, bool]]:
    """Return the newest landing of each batch, and whether it is withdrawn."""
    out = home.batches.withdrawn(home.env)
    return {
        batch: (items[0], (dataset, batch) in out and items[0].id <= out[dataset, batch].upto)
        for (owner, batch), items in home.batches.landed().items()
        if owner == dataset
    }


def _planned(
    home: Home,
    spec: DatasetSpec,
    parts: Parts,
    before: Mapping[str, tuple[Landed, bool]],
    name: str,
    held: Held,
) -> _Plan:
    plan = _Plan()
    for batch in [*(b for b in parts.rows if b != UNASSIGNED), UNASSIGNED]:
        if batch in parts.rows:
            known = before.get(batch)
            _compare(home, spec, parts, batch, known, plan, held.whole(batch))
    for batch, (landing, withdrawn) in before.items():
        if held.whole(batch) and batch not in parts.rows and not withdrawn:
            old = _part(home, landing, spec)
            if old is not None and len(old.lines):
                plan.known += len(old.lines)
                plan.gone.append(old.keys)
                plan.changes[batch] = Change(batch, len(old.lines), 0, 0, gone=len(old.lines))
    if held.every:
        _refuse_gone(name, spec, parts, plan)
    if not held.whole(UNASSIGNED):
        _reassigned(home, spec, parts, before.get(UNASSIGNED), plan)
    return plan


def _compare(
    home: Home,
    spec: DatasetSpec,
    parts: Parts,
    batch: str,
    known: tuple[Landed, bool] | None,
    plan: _Plan,
    whole: bool,
) -> None:
    """Plan one batch of a file, and keep in `parts` what its landed file will be."""
    content, count = parts.content(batch), parts.rows[batch]
    if known is not None and known[0].digest == bytes_digest(content):
        plan.same += 1
        plan.known += 0 if known[1] else count
        return
    old = None if known is None or known[1] else _part(home, known[0], spec)
    if old is None or not len(old.lines):
        plan.new.append(batch)
        plan.changes[batch] = Change(batch, 0, count, count)
        return
    new = BatchRecords(content, spec)
    delta = compared(old, new)
    plan.added[batch] = delta.added
    plan.known += len(old.lines)
    plan.gone.append(delta.gone)
    change = Change(batch, len(old.lines), count, len(delta.added), delta.replaced, len(delta.gone))
    if not whole and len(delta.gone):
        change = _extend(spec, parts, change, old, new, delta)
    if change.added or change.replaced or change.gone:
        plan.changes[batch] = change
    else:
        plan.same += 1


def _extend(
    spec: DatasetSpec,
    parts: Parts,
    change: Change,
    old: BatchRecords,
    new: BatchRecords,
    delta: Compared,
) -> Change:
    """Keep the rows that landed before and that the file lacks."""
    if not change.added and not change.replaced:
        return Change(change.batch, change.before, change.before, 0)
    parts.replace(change.batch, joined(old, new, spec, change.batch))
    after = change.before + len(delta.added)
    return Change(change.batch, change.before, after, len(delta.added), delta.replaced)


def _reassigned(
    home: Home,
    spec: DatasetSpec,
    parts: Parts,
    known: tuple[Landed, bool] | None,
    plan: _Plan,
) -> None:
    """Take rows out of `unassigned` that this file holds with a batch: it can be read by now."""
    change = plan.changes.get(UNASSIGNED)
    old = None if known is None or known[1] else _part(home, known[0], spec)
    if old is None or not len(old.lines):
        return
    assigned = plan.added_in([name for name in parts.rows if name != UNASSIGNED], parts, spec)
    part = old if change is None else BatchRecords(parts.content(UNASSIGNED), spec)
    kept = ~np.isin(part.keys, assigned)
    gone = len(kept) - int(kept.sum())
    if gone:
        parts.replace(UNASSIGNED, only(part, spec, kept))
        added, replaced = (0, 0) if change is None else (change.added, change.replaced)
        plan.changes[UNASSIGNED] = Change(
            UNASSIGNED, len(old.lines), int(kept.sum()), added, replaced, gone
        )


def _part(home: Home, landing: Landed, spec: DatasetSpec) -> BatchRecords | None:
    """Return the rows of a landing; None where they could not be read then."""
    try:
        return BatchRecords(home.objects.read(landing.digest), spec)
    except Unreadable:
        return None


def _landed(
    home: Home,
    spec: DatasetSpec,
    dataset: str,
    name: str,
    parts: Parts,
    plan: _Plan,
    newest: Mapping[str, int],
) -> bool:
    """Store and land what a plan changes; tell whether nothing else landed in between."""
    made: dict[str, tuple[str, str]] = {}
    for batch in plan.changes:
        content = parts.content(batch)
        digest = bytes_digest(content)
        if home.removals.forgotten(digest):
            raise RequestError(f"{name}, batch {batch}: {FORGOTTEN}; deliver it without those rows")
        home.objects.put(content)
        mark_part(home, dataset, spec, digest)
        made[batch] = digest, f"{name}@{batch}"
    return home.batches.land_parts(dataset, made, newest)


def _refuse_nameless(name: str, spec: DatasetSpec, parts: Parts) -> None:
    lost, total = parts.rows[UNASSIGNED], parts.rows.total()
    if within(spec, lost, total):
        return
    assert spec.landing.cut is not None
    column = spec.landing.cut.column
    listed = ", ".join(f"{text} ({n:,})" for text, n in parts.nameless.most_common(LISTED))
    raise RequestError(
        f"{name}: {column} gives no batch for {lost:,} of {total:,} rows ({lost / total:.1%}), "
        f"wanted {wanted(spec)} (quarantine_budget); it holds "
        f"{listed or 'records that cannot be split into fields'}; correct the file or the column's "
        "type and format in defs.yaml; nothing landed"
    )


def _refuse_names(home: Home, project: Project, dataset: str, name: str, parts: Parts) -> None:
    """Refuse names that are one place on the calendar with another's, such as 1 and 01."""
    names, wrong = Names(home, project), []
    for batch in project.ordered(dataset, parts.rows):
        problem = names.problem(dataset, batch)
        wrong += [] if problem is None else [problem]
        names.add(dataset, batch)
    if wrong:
        more = f"; and {len(wrong) - LISTED} more" if len(wrong) > LISTED else ""
        raise RequestError(f"{name}: {'; '.join(wrong[:LISTED])}{more}; nothing landed")


def _refuse_gone(name: str, spec: DatasetSpec, parts: Parts, plan: _Plan) -> None:
    limit = spec.landing.max_gone * plan.known
    if sum(len(rows) for rows in plan.gone) <= limit:
        return
    gone = np.concatenate(plan.gone)
    # A row that moved to another batch is not gone.
    lost = int((~np.isin(gone, plan.added_in(parts.rows, parts, spec))).sum())
    if lost <= limit:
        return
    where = sorted(
        (change for change in plan.changes.values() if change.gone), key=lambda c: -c.gone
    )
    listed = ", ".join(f"{c.batch} {c.gone:,} of {c.before:,}" for c in where[:LISTED])
    more = f" and {len(where) - LISTED} more batches" if len(where) > LISTED else ""
    raise RequestError(
        f"{name} lacks {lost:,} of {plan.known:,} rows that landed before "
        f"({lost / plan.known:.1%}), wanted at most {spec.landing.max_gone:.1%} "
        f"(landing.max_gone): {listed}{more}; nothing landed; deliver the whole table, or raise "
        "landing.max_gone if the rows should go"
    )
