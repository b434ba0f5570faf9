"""From recorded actions back to landed bytes: what a version depends on.

An action records the digests of its inputs, not their producers, and the same content may have
been produced several times (by other code, from other files, for another batch). So one producer is
chosen for each input, by these preferences: of the asset and batch that the input's name means, one
that is needed anyway, the last on the way, run under today's libraries, the oldest. Levels (landed
bytes are 0) prevent cycles. Everything that asks for ancestors uses this module: `recreate`,
`compare`, `gc`, `forget`, `lineage` and the release.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ml_assets.history.recorded import Leaf, Step, steps_of
from ml_assets.spec.calendar import natural
from ml_assets.store.home import Home

TAKEN = "ml_assets.stages.train.federated:taken"
"""The stage that takes over what sites learned together."""


@dataclass
class Closure:
    """What some actions depend on."""

    steps: list[Step] = field(default_factory=list)
    """In an order in which they can be run."""
    landed: set[str] = field(default_factory=set)
    """The digests of the landed files at their start."""
    unknown: dict[str, str] = field(default_factory=dict)
    """Inputs that no recorded action produces -> the action that needs them, and as which input."""
    makers: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)
    """Key of an action -> each input's digest and producer (None if it landed or is unknown)."""


class Ancestry:
    """The recorded actions of a home, by their outputs."""

    def __init__(self, steps: Iterable[Step], landed: Collection[str]) -> None:
        self.steps = {step.key: step for step in steps}
        self.landed = landed
        self._makers: dict[str, list[str]] = defaultdict(list)
        self._users: dict[str, list[str]] = defaultdict(list)
        for key, step in self.steps.items():
            for digest in {ref.digest for ref in step.outputs.values()}:
                self._makers[digest].append(key)
            for digest in step.inputs:
                self._users[digest].append(key)

    def closure(
        self,
        keys: Iterable[str],
        usable: Callable[[Step], bool] | None = None,
        lost: Collection[str] = (),
        prefer: Collection[str] = (),
    ) -> Closure:
        """Return what actions depend on, including themselves.

        Actions that are not `usable`, and landed files that are `lost`, are chosen only if there
        is no other way; those in `prefer` come right after those that are needed anyway.
        """
        wanted = [key for key in keys if key in self.steps]
        levels: Mapping[str, int]
        levels = self._every if usable is None and not lost else self._levels(usable, lost)
        if any(key not in levels for key in wanted):
            rest = self._every
            high = max(levels.values(), default=0)
            levels = {**{key: high + n for key, n in rest.items()}, **levels}
        closure, near = Closure(), (set(wanted), prefer)
        for key in wanted:
            self._visit(key, levels, closure, near)
        return closure

    def makable(
        self, usable: Callable[[Step], bool] | None = None, lost: Collection[str] = ()
    ) -> set[str]:
        """Return the actions traceable to landed bytes by usable actions; no file is lost."""
        return set(self._levels(usable, lost))

    def users(self, digest: str) -> list[Step]:
        """Return the actions that had a content as input."""
        return [self.steps[key] for key in self._users.get(digest, ())]

    def made_from(self, digests: Iterable[str]) -> list[Step]:
        """Return every action whose result can contain something of some content.

        Content that an unrelated action produced too is not followed, as it contains nothing of it.
        """
        roots = set(digests)
        reached = self._descended(roots)

        def of_roots(digest: str) -> bool:
            makers = self._makers.get(digest)
            return digest in roots or (makers is not None and reached.issuperset(makers))

        while True:
            # From above: what cleaning leaves as it is, it produces from that very content.
            kept = {key for key in reached if any(map(of_roots, self.steps[key].inputs))}
            if kept == reached:
                return [step for key, step in self.steps.items() if key in reached]
            reached = kept

    def _descended(self, digests: Iterable[str]) -> set[str]:
        """Return the actions that any content of these, or made from it, was an input of."""
        seen: set[str] = set()
        waiting = [key for digest in digests for key in self._users.get(digest, ())]
        while waiting:
            key = waiting.pop()
            if key not in seen:
                seen.add(key)
                outputs = self.steps[key].outputs.values()
                waiting += [user for ref in outputs for user in self._users.get(ref.digest, ())]
        return seen

    def made_by(self, digest: str) -> list[str]:
        """Return the keys of the actions that produced a content."""
        return self._makers.get(digest, [])

    @cached_property
    def _every(self) -> Mapping[str, int]:
        """The levels of all actions, with nothing lost."""
        return self._levels(None, ())

    def _levels(
        self, usable: Callable[[Step], bool] | None, lost: Collection[str]
    ) -> dict[str, int]:
        """Return key -> an action's distance from landed bytes; unreachable ones are left out."""
        need = {
            key: sum(d not in self.landed or d in lost for d in step.inputs)
            for key, step in self.steps.items()
            if usable is None or usable(step)
        }
        have = {digest for digest in self.landed if digest not in lost}
        levels: dict[str, int] = {}
        ready, level = [key for key, count in need.items() if count == 0], 1
        while ready:
            levels |= dict.fromkeys(ready, level)
            fresh = {ref.digest for key in ready for ref in self.steps[key].outputs.values()} - have
            have |= fresh
            later: list[str] = []
            for digest in fresh:
                for key in self._users.get(digest, ()):
                    if key in need and key not in levels:
                        need[key] -= 1
                        if need[key] == 0:
                            later.append(key)
            ready, level = later, level + 1
        return levels

    def _visit(
        self,
        start: str,
        levels: Mapping[str, int],
        closure: Closure,
        near: tuple[set[str], Collection[str]],
    ) -> None:
        """Add an action's ancestors, then itself, without recursion, as the chain can be long."""
        if start in closure.makers:
            return
        # The actions on the way, each with its inputs that were not visited yet.
        way = [self._entered(start, closure, near)]
        while way:
            step, leaves = way[-1]
            for path, digest in leaves:
                maker = None
                if digest in self.landed:
                    closure.landed.add(digest)
                else:
                    maker = self._maker(step, (path, digest), levels, near)
                    if maker is None:
                        closure.unknown[digest] = f"{step.name} ({' '.join(path)})"
                closure.makers[step.key].append((digest, maker))
                if maker is not None and maker not in closure.makers:
                    way.append(self._entered(maker, closure, near))
                    break
            else:
                closure.steps.append(step)
                way.pop()

    def _entered(
        self, key: str, closure: Closure, near: tuple[set[str], Collection[str]]
    ) -> tuple[Step, Iterator[Leaf]]:
        closure.makers[key] = []
        near[0].add(key)
        step = self.steps[key]
        return step, iter(step.leaves)

    def _maker(
        self,
        step: Step,
        leaf: tuple[tuple[str, ...], str],
        levels: Mapping[str, int],
        near: Iterable[Collection[str]],
    ) -> str | None:
        path, digest = leaf
        mine = levels.get(step.key)
        makers = [key for key in self._makers.get(digest, ()) if key != step.key]
        if mine is not None:
            makers = [key for key in makers if levels.get(key, mine) < mine]
        else:
            # It is unreachable: its producer is followed to what no longer exists.
            makers = [key for key in makers if key in levels] or makers

        if len(makers) < 2:
            return next(iter(makers), None)
        given = set(step.inputs)

        def cost(key: str) -> tuple[Any, ...]:
            maker = self.steps[key]
            gives = {ref.digest for ref in maker.outputs.values()} & given
            shares = given.intersection(maker.inputs)
            return (
                *_misses(maker, step, path),
                not {name for name, ref in maker.outputs.items() if ref.digest == digest} & {*path},
                *(key not in keys for keys in near),
                -len(gives | shares),
                -levels.get(key, 0),
                len(maker.moved),
                maker.created,
                key,
            )

        return min(makers, key=cost)


def _misses(maker: Step, step: Step, path: tuple[str, ...]) -> tuple[Any, ...]:
    """Return a producer's distance from what an input's name means: unit, asset's group, batch.

    Of earlier batches the nearest is meant, in natural order whatever the calendar, since this
    only chooses between producers of the same content.
    """
    batch, group = maker.partition, maker.unit.partition("/")[0]
    if path[0] == "previous":
        off, distance = natural(batch) >= natural(step.partition), _newest_first(batch)
    else:
        off, distance = batch not in ("", step.partition, *path), ()
    return maker.unit != step.unit, group not in path, off, distance


def _newest_first(batch: str) -> tuple[Any, ...]:
    return tuple(
        -part if isinstance(part, int) else tuple(-ord(letter) for letter in part)
        for part in natural(batch)
    )


def ancestry_of(home: Home) -> Ancestry:
    """Return every recorded action of a home, and its landed files.

    The result of federated rounds counts as landed too: it came from outside.
    """
    steps = list(steps_of(home.records))
    landed = {item.digest for items in home.batches.everywhere().values() for item in items}
    taken = {
        digest
        for step in steps
        if step.stage == TAKEN
        for names, digest in step.leaves
        if names == ("rounds",)
    }
    return Ancestry(steps, landed | taken | home.removals.landed())
