"""Garbage collection: removes what no environment, champion, release or newest version needs.

Whatever is kept, all that is needed to re-create it is kept too: sources, landed files and
intermediate outputs (`history/ancestry.py` chooses them, as for `recreate`). Records of actions
and versions stay, so version numbers never change their meaning.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from ml_assets.engine.reports import sweep
from ml_assets.history.ancestry import Ancestry, Closure, ancestry_of
from ml_assets.operations.recreate.prepare import Usable, remakable, report_of
from ml_assets.store import copies
from ml_assets.store.home import Home
from ml_assets.store.promotions import MOVES, WAITING
from ml_assets.store.records import Version
from ml_assets.store.removals import COLLECTED
from ml_assets.store.state import current, objects, promotions, settings

DIGEST = re.compile(r"d1:[0-9a-f]{64}")
BATCH = 200
"""How many objects are removed from the state at once."""
COMPARED = ("change", "report")
"""Parts of an evaluation report that also depend on the previous candidate."""
YOUNG = 3600.0
"""For this many seconds, a file that no row knows may still be being written."""


@dataclass
class Garbage:
    """What can be removed."""

    objects: dict[str, int] = field(default_factory=dict)
    """Digest -> bytes."""
    landed: set[str] = field(default_factory=set)
    """Those that are landed files: older content of corrected batches."""
    strays: list[str] = field(default_factory=list)
    """Files, relative to the objects' folder, that no row knows."""
    kept: int = 0
    made: dict[str, str] = field(default_factory=dict)
    """Digest -> the unit that produced it, or its kind."""
    versions: dict[str, bool] = field(default_factory=dict)
    """Versions of models that are not kept -> whether they can still be re-created."""

    @property
    def bytes(self) -> int:
        """How much would be freed, not counting strays."""
        return sum(self.objects.values())


class _Keeper:
    """Collects what is kept."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.ancestry: Ancestry = ancestry_of(home)
        self._usable = Usable(home, ())
        self._keys: set[str] = set()
        self.digests: set[str] = set()

    def version(self, version: Version) -> None:
        """Keep a version and its own report."""
        self.digests |= {ref.digest for ref in version.outputs.values()}
        self._keys |= set(version.actions.values())
        if "model" in version.outputs:
            report = report_of(self.ancestry, version)
            self._keys |= set() if report is None else {report.key}

    def text(self, text: str) -> None:
        """Keep every object and action that a text in the state names."""
        digests = set(DIGEST.findall(text))
        self._keys |= digests & self.ancestry.steps.keys()
        self.digests |= digests

    def all(self) -> set[str]:
        """Return every digest that is kept."""
        lost = set(self._home.objects.missing(sorted(self.ancestry.landed)))
        followed = [key for key in sorted(self._keys) if not self._told(key)]
        closure = self.ancestry.closure(followed, self._usable, lost)
        return self.digests | set(_reached(closure))

    def _told(self, key: str) -> bool:
        """Return whether only an action's output is kept, not its inputs.

        A report compares with the previous candidate, which may be removed.
        """
        step = self.ancestry.steps.get(key)
        if step is None or not step.unit.endswith("/evaluation_report"):
            return False
        return step.part in COMPARED


def _reached(closure: Closure) -> Iterator[str]:
    yield from closure.landed
    for step in closure.steps:
        yield step.sources
        yield step.specs
        for ref in step.outputs.values():
            yield ref.digest


def garbage(home: Home, keep: int) -> Garbage:
    """Return what can be removed; the `keep` newest versions of each asset partition are kept."""
    keeper = _Keeper(home)
    kept_versions = _versions(home, keeper, keep)
    with home.state.read() as db:
        for table in (current, settings, promotions):
            for row in db.execute(select(table)):
                keeper.text(" ".join(str(value) for value in row))
        sizes = {r.digest: r.size for r in db.execute(select(objects.c.digest, objects.c.size))}
    landed = home.batches.everywhere()
    for items in landed.values():
        newest = {item.env: item.digest for item in reversed(items)}
        keeper.digests |= set(newest.values())
    kept = keeper.all()
    waste = Garbage({d: size for d, size in sorted(sizes.items()) if d not in kept})
    waste.kept = len(sizes) - len(waste.objects)
    waste.landed = {item.digest for items in landed.values() for item in items} & set(waste.objects)
    waste.made = {digest: _maker(keeper.ancestry, waste, digest) for digest in waste.objects}
    waste.strays = sorted(_strays(home, sizes))
    gone = {*waste.objects, *home.objects.missing(sorted(keeper.ancestry.landed))}
    makable = keeper.ancestry.makable(Usable(home, gone), gone)
    for model in _models(home):
        for version in home.records.versions(f"{model}/candidate"):
            if (name := f"{model} v{version.number}") not in kept_versions:
                waste.versions[name] = remakable(keeper.ancestry, version, makable)
    return waste


def _models(home: Home) -> list[str]:
    return [name.split("/")[0] for name in home.records.assets() if name.endswith("/candidate")]


def _versions(home: Home, keeper: _Keeper, keep: int) -> set[str]:
    """Keep the versions that must stay; return the models' versions by name."""
    kept: set[str] = set()
    for asset in home.records.assets():
        group, name = asset.split("/")
        named = _decided(home, group) if name == "candidate" else set[str]()
        for partition in home.records.partitions(asset):
            every = home.records.versions(asset, partition)
            for at, version in enumerate(reversed(every)):
                if at < keep or name == "release" or version.digest in named:
                    keeper.version(version)
                    kept |= {f"{group} v{version.number}"} if name == "candidate" else set()
    return kept


def _decided(home: Home, model: str) -> set[str]:
    """Return the digests of all past and present champions and challengers in any environment.

    Those that an environment holds now are included, since their report belongs to them.
    """
    digests: set[str] = set()
    for env in home.environments():
        held = home.records.current(env, f"{model}/candidate")
        digests |= set() if held is None else {held.digest}
        for entry in home.promotions.entries(env, model):
            if entry.action in (*MOVES, WAITING):
                digests.add(entry.digest)
    return digests


def _maker(ancestry: Ancestry, waste: Garbage, digest: str) -> str:
    if digest in waste.landed:
        return "landed files that were corrected since"
    makers = ancestry.made_by(digest)
    if not makers:
        return "sources and specs"
    unit = ancestry.steps[makers[0]].unit.partition("@")[0]
    return unit


def _strays(home: Home, known: Iterable[str]) -> Iterator[str]:
    """Yield files that no row knows, since a collection was interrupted or a row was lost."""
    names = set(known)
    for file in home.objects.files():
        removed = home.removals.why(file.digest) is not None
        if file.digest not in names and (removed or time.time() - file.written > YOUNG):
            yield f"{file.path.parent.name}/{file.path.name}"


def collect(home: Home, waste: Garbage) -> None:
    """Remove what can go; the caller holds the lock of every environment.

    The state is changed before the files: a kill in between leaves files that no row knows,
    which the next collection removes. The other order would leave rows without objects.
    """
    digests: Sequence[str] = list(waste.objects)
    for start in range(0, len(digests), BATCH):
        part = digests[start : start + BATCH]
        home.removals.remove({d: d in waste.landed for d in part}, COLLECTED)
        for digest in part:
            home.objects.remove(digest)
    for stray in waste.strays:
        home.objects.remove(stray.rpartition("/")[2].replace("-", ":", 1))
    sweep(home)
    copies.drop(home)
