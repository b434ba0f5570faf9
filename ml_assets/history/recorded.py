"""A recorded action in a compact form, for walks over all actions of a home."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from ml_assets.assets.cells import Cell
from ml_assets.assets.registry import made_by
from ml_assets.errors import NotMaterialized
from ml_assets.keys.libraries import version_of
from ml_assets.moved import moved
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Records
from ml_assets.store.state import load

Leaf = tuple[tuple[str, ...], str]
"""The names on the way to an input (`previous`, `prices`), and its digest."""


@dataclass(frozen=True, slots=True)
class Step:
    """A recorded action; its params, code and machine are read on access."""

    key: str
    name: str
    """Unit and part: `sales/batch@2020-01#ingest`."""
    stage: str
    """With its module's current name."""
    outputs: Mapping[str, Ref]
    leaves: tuple[Leaf, ...]
    inputs: tuple[str, ...]
    """The distinct digests of its inputs."""
    environment: tuple[tuple[str, str], ...]
    """Libraries (and Python) with their versions."""
    sources: str
    specs: str
    """Digest of the specs that it was recorded with, or the empty text."""
    called: bool
    """Whether its call was stored, without which it cannot be run again."""
    created: str
    seconds: float
    _read: Callable[[], ActionRecord]

    @classmethod
    def of(cls, record: ActionRecord, read: Callable[[], ActionRecord] | None = None) -> Step:
        """Return the step of a record; without `read` the step keeps the record."""
        given = record.ingredients
        leaves = tuple(_leaves(given.get("inputs", {})))
        return cls(
            key=record.key,
            name=record.name,
            stage=moved.now(str(given["stage"])),
            outputs=record.outputs,
            leaves=leaves,
            inputs=tuple(dict.fromkeys(digest for _, digest in leaves)),
            environment=_shared(tuple(given.get("environment", {}).items())),
            sources=record.sources,
            specs=str(given.get("specs", "")),
            called="call" in given,
            created=record.created,
            seconds=record.seconds,
            _read=read or (lambda: record),
        )

    @property
    def record(self) -> ActionRecord:
        """The complete record; raises NotMaterialized if it was deleted in the meantime."""
        return self._read()

    @property
    def call(self) -> Mapping[str, Any]:
        """The call (`keys/calls.py`), with its keys in order."""
        document: Mapping[str, Any] = load(self.record.ingredients["call"])
        return document

    @property
    def unit(self) -> str:
        """The unit that it belongs to: `sales/batch@2020-01`."""
        return self.name.rpartition("#")[0]

    @property
    def partition(self) -> str:
        """The batch of its unit, or the empty text."""
        return self.unit.partition("@")[2]

    @property
    def part(self) -> str:
        """Its name within its unit: `ingest`, `fit:linear`."""
        return self.name.rpartition("#")[2]

    def cell(self, output: str | None = None) -> Cell:
        """Return the asset (and batch) of an output; by default the first asset."""
        group, _, kind = self.unit.partition("@")[0].partition("/")
        names = [asset.name for asset in made_by(kind)] or [kind]
        wanted = self.outputs if output is None else (output,)
        made = (n for n in names if n in wanted or n.removesuffix("_split") in wanted)
        return Cell(f"{group}/{next(made, names[0])}", self.partition)

    @property
    def moved(self) -> dict[str, tuple[str, str]]:
        """Libraries (and Python) whose version changed: (then, now)."""
        pairs = {name: (then, _now(name)) for name, then in self.environment}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def steps_of(records: Records) -> Iterator[Step]:
    """Yield every recorded action of a home, oldest first."""
    for record in records.each_action():
        yield Step.of(record, partial(_read, records, record.key))


def _read(records: Records, key: str) -> ActionRecord:
    action = records.action(key)
    if action is None:
        raise NotMaterialized(f"the record of action {key} was deleted in the meantime; retry")
    return action


def _now(name: str) -> str:
    if name == "python":
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    return version_of(name)[1]


@cache
def _shared(environment: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return one shared tuple for equal ones: most actions have the same few libraries."""
    return environment


def _leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Yield (names on the way, digest) of a key's inputs, in which mappings are lists of pairs."""
    if isinstance(tree, Mapping):
        for name, item in tree.items():
            yield from _leaves(item, (*path, sys.intern(name)))
    elif isinstance(tree, list):
        for item in tree:
            pair = isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)
            if pair and not item[0].startswith("d1:"):
                yield from _leaves(item[1], (*path, sys.intern(item[0])))
            else:
                yield from _leaves(item, path)
    elif isinstance(tree, str):
        yield path, sys.intern(tree)
