"""Batches that a plan need not walk again: nothing that they depend on has moved since one did.

Most batches of a dataset that grows by the day are as they were in the last plan: made, shown,
their inputs unchanged. Of each, a stamp is kept in the environment's folder: a digest of its
landings, its reference, what the environment holds of it, and the stats of ml_assets' code and of
the libraries. While it is the same, so is what the recipe says. Only datasets that no model reads,
and that have no checks of one's own, are left out so: nothing else asks for their actions.

Belongs here: what a stamp holds. Does not belong here: what a batch depends on in detail (the keys
of its actions), which the first plan looks at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.assets.cells import Cell, Unit
from ml_assets.assets.registry import BATCH, QUALITY_REPORT
from ml_assets.engine.fingerprint import installed
from ml_assets.engine.recipes.quality import pin_name
from ml_assets.keys import fields
from ml_assets.spec.project import Project
from ml_assets.store import aside
from ml_assets.store.home import Home
from ml_assets.store.records import Pointer
from ml_assets.walk import stamp
from ml_assets.workspace import PACKAGE

if TYPE_CHECKING:
    from ml_assets.engine.session import Session

FILE = "settled.json"
KINDS = (BATCH.name, QUALITY_REPORT.name)
Pointers = Mapping[tuple[str, str], Pointer]


def candidates(project: Project) -> list[str]:
    """Return the datasets whose settled batches are not walked again."""
    read = {model.dataset for model in project.models.values()}
    read |= {join.dataset for model in project.models.values() for join in model.joins}
    return [
        name
        for name, spec in project.own.items()
        if name not in read and spec.calendar is not None and not spec.checks
    ]


class Settled:
    """What was settled when the last plan looked, and still is."""

    def __init__(self, session: Session) -> None:
        home, project = session.home, session.project
        self._path = home.folder / FILE
        self._before = _read(self._path)
        self._stamps: dict[Unit, str] = {}
        names = set(candidates(project))
        places = [place for place in session.landed if place[0] in names]
        if places:
            now = _Now(session)
            stamps = {
                unit: now.stamp(unit)
                for dataset, batch in places
                for unit in (Unit(dataset, kind, batch) for kind in KINDS)
            }
            self._stamps = {unit: stamp for unit, stamp in stamps.items() if stamp is not None}
        same = [u for u, mark in self._stamps.items() if self._before.get(str(u)) == mark]
        self._there = _complete(session, same)

    def has(self, unit: Unit) -> bool:
        """Return whether a unit is as the last plan found it: made, shown, nothing to do."""
        return unit in self._there

    def keys(self, current: Pointers) -> set[str]:
        """Return the actions of all that is settled."""
        return {
            key
            for unit in self._there
            for cell in unit.cells()
            for key in current[cell.asset, cell.partition].actions.values()
        }

    def keep(self, units: Iterable[Unit]) -> None:
        """Have the next plan leave out these units too, in which this one found nothing to do."""
        there = {*self._there, *units} & self._stamps.keys()
        stamps = {str(unit): self._stamps[unit] for unit in there}
        if stamps == self._before:
            return
        aside.write(self._path, json.dumps(stamps).encode())


class _Now:
    """What the stamps of units are now."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._code = repr([_code(), installed()])
        self._bases: dict[str, str] = {}
        self._references: dict[str, str | None] = {}

    def stamp(self, unit: Unit) -> str | None:
        """Return a digest of what a unit depends on; None if it is not settled in any case."""
        batch = self._batch(unit.group, unit.partition)
        own = [self._held(cell) for cell in unit.cells()]
        if batch is None or None in own:
            return None
        parts = [self._base(unit.group), str(unit), batch, own]
        if unit.kind == QUALITY_REPORT.name:
            if unit.group not in self._references:
                self._references[unit.group] = self._reference(unit.group)
            reference = self._references[unit.group]
            if reference is None:
                return None
            parts.append(reference)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def _base(self, dataset: str) -> str:
        """Return what all batches of a dataset depend on."""
        if dataset not in self._bases:
            project = self._session.project
            labels = project.labels(dataset)
            said = [
                self._code,
                fields.text(project.datasets[dataset]),
                None if labels is None else fields.text(labels),
            ]
            self._bases[dataset] = hashlib.sha256(repr(said).encode()).hexdigest()
        return self._bases[dataset]

    def _batch(self, dataset: str, batch: str) -> str | None:
        """Return what landed for a batch and what the environment holds of it."""
        landings, out = self._session.landings(dataset, batch)
        held = [self._held(cell) for cell in Unit(dataset, BATCH.name, batch).cells()]
        if None in held:
            return None
        return repr([[(item.digest, item.name) for item in landings], out, held])

    def _held(self, cell: Cell) -> str | None:
        current = self._session.current.get((cell.asset, cell.partition))
        if current is None or current.published != current.token:
            return None
        return repr([current.digest, current.token, sorted(current.actions.items())])

    def _reference(self, dataset: str) -> str | None:
        """Return what the batches of the reference are; None while it is not fixed."""
        declared = self._session.project.datasets[dataset].quality.reference
        home = self._session.home
        pinned = declared.batches or home.pins.get(home.env, pin_name(dataset, declared.first))
        if pinned is None:
            return None
        return repr([(batch, self._batch(dataset, batch)) for batch in pinned])


def drop(home: Home) -> None:
    """Have the next plan look at everything."""
    (home.folder / FILE).unlink(missing_ok=True)


def _code() -> list[str]:
    """Return a value that changes with ml_assets' own code."""
    shipped = PACKAGE / "defs"
    return [
        f"{path} {stamp(path.stat())}"
        for path in sorted(PACKAGE.rglob("*"))
        if path.suffix in (".py", ".json") and not path.is_relative_to(shipped)
    ]


def _complete(session: Session, units: Sequence[Unit]) -> set[Unit]:
    """Return those of the units whose content is still in the store."""
    digests = {
        unit: [
            ref.digest
            for cell in unit.cells()
            for ref in session.current[cell.asset, cell.partition].outputs.values()
        ]
        for unit in units
    }
    wanted = {digest for needed in digests.values() for digest in needed}
    gone = set(session.home.objects.missing(sorted(wanted)))
    return {unit for unit, needed in digests.items() if gone.isdisjoint(needed)}


def _read(path: Path) -> dict[str, str]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
