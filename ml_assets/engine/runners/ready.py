"""Which actions can run now: planned once; a result plans again only what waited for it.

Belongs here: units, what they wait for. Does not belong here: where an action runs.
"""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.plan import Planner
from ml_assets.engine.session import Made, Session, Undone
from ml_assets.keys.action import Keyed
from ml_assets.store.records import Answer


class _Tracked(Session):
    """A session without a runner that notes which unit asked for which."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.asked_by: dict[Unit, set[Unit]] = defaultdict(set)
        self.asks: dict[Unit, set[Unit]] = defaultdict(set)
        self._stack: list[Unit] = []

    def make(self, unit: Unit) -> dict[Cell, Made]:
        """Return the cells of a unit, and note who asked for them."""
        if self._stack:
            self.asked_by[unit].add(self._stack[-1])
            self.asks[self._stack[-1]].add(unit)
        self._stack.append(unit)
        try:
            return super().make(unit)
        finally:
            self._stack.pop()


class Ready:
    """The actions of some units that can run now, in the order of the units."""

    def __init__(self, planner: Planner, units: Collection[Unit]) -> None:
        self._session = _Tracked(planner.workspace, planner.home, planner.project)
        self._order = {unit: number for number, unit in enumerate(units)}
        self._waiting: dict[str, Keyed] = {}
        """Actions to run, by key, those that run included."""
        self._owners: dict[str, set[Unit]] = defaultdict(set)
        self._left: dict[Unit, set[str]] = {}
        """By unit: the keys of its actions that can run, and have no result yet."""
        self._later: set[Unit] = set()
        """Units with actions whose inputs are not known yet."""
        self._failed: set[str] = set()
        self._new: list[str] = []
        self.looks = 0
        """How many times a unit was planned."""
        for unit in units:
            self._look(unit)

    def take(self) -> Iterator[tuple[Unit, Keyed, int]]:
        """Yield each action that became ready: one of its units, and its place in the order."""
        new, self._new = self._new, []
        for key in sorted(new, key=self._place):
            if key in self._waiting:
                unit = min(self._owners[key], key=lambda unit: self._order.get(unit, -1))
                yield unit, self._waiting[key], self._place(key)

    def done(self, key: str, answer: Answer) -> None:
        """Take a result; what waited for it may become ready."""
        self._session.learn(key, answer)
        self._waiting.pop(key, None)
        for unit in self._owners.pop(key, set()):
            self._left[unit].discard(key)
            if not self._left[unit] or unit in self._later:
                self._again(unit)

    def failed(self, key: str) -> None:
        """Leave an action, and all that waits for it, to the run, which meets the same fault."""
        self._failed.add(key)
        self._waiting.pop(key, None)
        self._owners.pop(key, None)

    def _place(self, key: str) -> int:
        return min((self._order.get(unit, -1) for unit in self._owners[key]), default=-1)

    def _again(self, unit: Unit) -> None:
        """Plan a unit anew; once nothing of it is left, also each one that waited for it alone."""
        stack = [unit]
        while stack:
            unit = stack.pop()
            self._session.drop(unit)
            self._look(unit)
            if self._left.get(unit) or unit in self._later:
                continue
            for other in self._session.asked_by[unit]:
                above = self._session.asks[other]
                if other in self._later and not any(self._open(one) for one in above):
                    stack.append(other)

    def _open(self, unit: Unit) -> bool:
        return bool(self._left.get(unit)) or unit in self._later

    def _look(self, unit: Unit) -> None:
        self.looks += 1
        try:
            made = list(self._session.make(unit).values())
            actions = [a for m in made for a in (*m.actions.values(), *m.checks.values())]
        except Exception:
            # Not lost: the run meets the same fault itself, and reports it.
            traceback.print_exc()
            self._left[unit] = set()
            self._later.discard(unit)
            return
        left, later = set[str](), False
        for action in actions:
            if not isinstance(action, Undone):
                continue
            if action.keyed.pending:
                later = True
                continue
            key = action.keyed.key
            left.add(key)
            self._owners[key].add(unit)
            if key not in self._waiting and key not in self._failed:
                self._waiting[key] = action.keyed
                self._new.append(key)
        self._left[unit] = left
        if later:
            self._later.add(unit)
        else:
            self._later.discard(unit)
