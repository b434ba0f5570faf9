"""A session on one consistent state: the same recipes plan units or run them.

Without a runner a session plans: an action that is not in the cache is pending, and so is all that
depends on it. With a runner the same recipes run what is missing. The recipes (`engine/recipes`)
are the only description of the graph of actions.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ml_assets.assets.cells import Cell, Unit, unit_of
from ml_assets.assets.registry import KINDS, function
from ml_assets.errors import SpecError
from ml_assets.keys.action import Action, Hashed, Keyed, Pending, keyed
from ml_assets.keys.code import Snapshot
from ml_assets.spec.project import Project
from ml_assets.store.batches import Landed, Withdrawn
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import Answer, Pointer
from ml_assets.store.verdicts import Verdict
from ml_assets.workspace import Workspace

Status = Literal["reuse", "run", "maybe", "wait", "deferred"]
Outputs = Mapping[str, Ref | Pending]


@dataclass(frozen=True)
class Done:
    """An action with known outputs, from the cache or just run."""

    record: Answer
    executed: bool = False

    @property
    def outputs(self) -> Mapping[str, Ref]:
        """The outputs by name."""
        return self.record.outputs


@dataclass(frozen=True)
class Undone:
    """An action that has to run, or may have to."""

    keyed: Keyed
    pending: Pending

    @property
    def outputs(self) -> Mapping[str, Pending]:
        """Every output is pending."""
        return _Always(self.pending)


class _Always(dict[str, Pending]):
    """A mapping in which every name has the same pending output."""

    def __init__(self, pending: Pending) -> None:
        super().__init__()
        self._pending = pending

    def __missing__(self, name: str) -> Pending:
        return self._pending


@dataclass
class Made:
    """The result of a recipe for a cell."""

    cell: Cell
    outputs: Outputs
    actions: dict[str, Done | Undone]
    """The actions of the content, by part, without checks."""
    checks: Mapping[str, Done | Undone] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    pins: Mapping[str, Any] = field(default_factory=dict)
    """What it pins; this is stored when it becomes current."""
    waiting: str | None = None
    """Why it cannot be made now."""
    verdict: Verdict | None = None
    """Whether new data train it now; None if it is up to date, or its spec does not ask."""

    @property
    def deferred(self) -> bool:
        """Whether it stays as it is, though there are new data."""
        return self.verdict is not None and not self.verdict.train

    @property
    def status(self) -> Status:
        """What remains to be done for this cell's content and checks."""
        if self.waiting is not None:
            return "wait"
        undone = [
            a for a in (*self.actions.values(), *self.checks.values()) if isinstance(a, Undone)
        ]
        if not undone:
            return "reuse"
        return "run" if any(action.pending.certain for action in undone) else "maybe"

    @property
    def executed(self) -> bool:
        """Whether its content was computed in this session."""
        return any(isinstance(a, Done) and a.executed for a in self.actions.values())

    @property
    def seconds(self) -> float:
        """The time of the actions that ran for it in this session, including checks."""
        return sum(
            action.record.seconds
            for action in (*self.actions.values(), *self.checks.values())
            if isinstance(action, Done) and action.executed
        )


class Runner(Protocol):
    """Runs an action that is not in the cache (or again, if forced)."""

    def __call__(self, unit: Unit, item: Keyed, known: Answer | None, /) -> Done:
        """Return the finished action; `known` is its cached record, if any."""
        ...


class SharedRunner(Runner, Protocol):
    """A runner while another process runs actions of the same run."""

    def offer(self, unit: Unit, item: Keyed, known: Answer | None, /) -> Done | None:
        """Return the finished action, or None while the other process is running it."""
        ...


@dataclass
class Shared:
    """How a session shares a run with another process without needless waiting."""

    runner: SharedRunner
    spare: list[Unit]
    """Units to make while the other process makes what this one needs."""


Recipe = Callable[["Session", Unit], Sequence[Made]]


class Session:
    """Applies recipes to one state of specs, code, landings and cache."""

    def __init__(
        self,
        workspace: Workspace,
        home: Home,
        project: Project,
        runner: Runner | None = None,
        recurse: bool = True,
        shared: Shared | None = None,
    ) -> None:
        self.workspace = workspace
        self.home = home
        self.project = project
        self.sources = Snapshot(workspace.roots)
        self._runner = runner if shared is None else shared.runner
        self._shared = shared
        self.recurses = recurse
        """Whether upstream cells come from their recipes, or else from current records."""
        self._made: dict[Unit, dict[Cell, Made]] = {}
        self._hashed = Hashed()
        self._batches: dict[str, list[str]] = {}
        self._memo: dict[tuple[str, ...], Any] = {}
        self.current: dict[tuple[str, str], Pointer] = home.records.pointers(home.env)
        self.landed = home.batches.landed()
        self.withdrawn = home.batches.withdrawn(home.env)
        self._answers: dict[str, Answer | None] | None = None
        self.settled: set[str] = set()
        """Actions that this session is not expected to ask for."""

    def landings(self, dataset: str, batch: str) -> tuple[list[Landed], Withdrawn | None]:
        """Return the landings of a batch that are not withdrawn, newest first."""
        out = self.withdrawn.get((dataset, batch))
        landed = self.landed.get((dataset, batch), [])
        return [item for item in landed if out is None or item.id > out.upto], out

    def batches(self, dataset: str) -> list[str]:
        """Return the batches of a dataset that ever landed, in calendar order.

        Of another project's dataset they are those that it has cleaned.
        Raises SpecError if the calendar's date format does not match a batch.
        """
        if dataset not in self._batches:
            if dataset in self.project.borrowed:
                # What landed there and is not cleaned yet is not there for others.
                names = [b for asset, b in self.current if asset == f"{dataset}/cleaned"]
            else:
                names = [batch for name, batch in self.landed if name == dataset]
                self._refuse_odd(dataset, names)
            self._batches[dataset] = self.project.ordered(dataset, names)
        return self._batches[dataset]

    def before(self, dataset: str, batch: str) -> list[str]:
        """Return the batches of a dataset that precede a batch, in calendar order."""
        calendar = self.project.datasets[dataset].calendar
        assert calendar is not None, f"{dataset} is a snapshot"
        known = self.batches(dataset)
        return known[: bisect_left(known, calendar.rank(batch), key=calendar.rank)]

    def _refuse_odd(self, dataset: str, names: Sequence[str]) -> None:
        calendar = self.project.datasets[dataset].calendar
        if calendar is None:
            return
        odd = [n for n in names if not calendar.matches(n) and self.landings(dataset, n)[0]]
        if odd:
            raise SpecError(
                f"{dataset}: {calendar.wanted} of the calendar does not match landed batches "
                f"{', '.join(sorted(odd)[:5])}{', …' if len(odd) > 5 else ''}; set the format of "
                f"the batches, or withdraw those in another format"
            )

    def make(self, unit: Unit) -> dict[Cell, Made]:
        """Return the cells of a unit, by its recipe."""
        if not self._made.get(unit):
            self._made[unit] = {made.cell: made for made in _recipe(unit)(self, unit)}
        return self._made[unit]

    def drop(self, unit: Unit) -> None:
        """Forget a unit's results once they are recorded, since a run makes thousands."""
        self._made[unit] = {}

    def upstream(self, cell: Cell) -> Made:
        """Return a cell on which another depends."""
        if cell.group in self.project.borrowed:
            return self._borrowed(cell)
        if self.recurses:
            return self.make(unit_of(cell))[cell]
        return self.held(cell)

    def _borrowed(self, cell: Cell) -> Made:
        """Return what the environment holds of another project's cell; nothing makes it here."""
        records, env = self.home.records, self.home.env
        held = self.remembered(("held", cell.asset), lambda: records.held(env, cell.asset))
        current = held.get(cell.partition)
        if current is None:
            project = self.project.borrowed[cell.group].project
            said = f"{cell} is made by project {project}, and is not there yet"
            return Made(cell, {}, {}, waiting=said)
        return Made(cell, current.outputs, {}, facts=current.facts)

    def held(self, cell: Cell) -> Made:
        """Return the current content of a cell in the environment."""
        current = self.home.records.current(self.home.env, cell.asset, cell.partition)
        if current is None:
            return Made(cell, {}, {}, waiting=f"{cell} was never materialized")
        return Made(cell, current.outputs, {}, facts=current.facts)

    def missed(self, made: Made, datasets: Iterable[str]) -> bool:
        """Return whether a cell is missing only because its run failed or is still to come.

        All datasets that it depends on have landed. If upstream cells come from their recipes,
        a waiting one cannot be made.
        """
        if self.recurses or made.waiting is None:
            return False
        calendars = {name: self.project.datasets[name].calendar for name in datasets}
        places = ((n, made.cell.partition if c else "") for n, c in calendars.items())
        return all(self.landings(*place)[0] for place in places)

    def remembered(self, what: tuple[str, ...], compute: Callable[[], Any]) -> Any:
        """Return what does not change within a session and many units ask for."""
        if what not in self._memo:
            self._memo[what] = compute()
        return self._memo[what]

    def looking(self) -> Session:
        """Return this session without a runner: what is not in the cache stays undone."""
        other = copy(self)
        other._runner = other._shared = None
        # A run does not read at once what a plan does.
        other._answers = {} if self._answers is None else self._answers
        return other

    def pin(self, name: str, start: str) -> Any:
        """Return what is pinned under a name; a plan reads all with the same start at once.

        A run reads each, since it pins while it goes.
        """
        pins, env = self.home.pins, self.home.env
        if self._runner is not None:
            return pins.get(env, name)
        return self.remembered(("pins", start), lambda: pins.of(env, start)).get(name)

    def keyed(self, action: Action) -> Keyed:
        """Return an action with all that its key depends on."""
        return keyed(action, self.sources, self._hashed)

    def act(self, unit: Unit, action: Action) -> Done | Undone:
        """Return an action's outputs: from the cache, by running it, or pending."""
        item = self.keyed(action)
        pending = item.pending
        if pending:
            return self._undone(unit, item, pending)
        known = self.known(item.key)
        if self._runner is not None:
            return self._runner(unit, item, known)
        if known is not None:
            return Done(known)
        return Undone(item, Pending((_made_by(unit, action),), certain=True))

    def each(self, unit: Unit, actions: Sequence[Action]) -> list[Done | Undone]:
        """Return the outputs of independent actions, as `act` does for one.

        With another process, the last come first (the slowest families are usually last in a
        YAML), and what that process is running is left to it in the meantime.
        """
        if self._shared is None:
            return [self.act(unit, action) for action in actions]
        outcomes: dict[int, Done | Undone] = {}
        left = list(range(len(actions)))[::-1]
        while left:
            for place in left:
                done = self._offered(unit, actions[place])
                if done is not None:
                    outcomes[place] = done
            still = [place for place in left if place not in outcomes]
            if still == left and not self._aside():
                first = still.pop(0)
                outcomes[first] = self.act(unit, actions[first])
            left = still
        return [outcomes[place] for place in range(len(actions))]

    def _offered(self, unit: Unit, action: Action) -> Done | Undone | None:
        assert self._shared is not None
        item = self.keyed(action)
        if item.pending:
            return self._undone(unit, item, item.pending)
        return self._shared.runner.offer(unit, item, self.known(item.key))

    def _aside(self) -> bool:
        """Make the actions of a spare unit; return whether there was one.

        When its turn comes, the unit finds them in the cache, and meets its faults again.
        """
        assert self._shared is not None
        while self._shared.spare:
            unit = self._shared.spare.pop()
            if unit in self._made:
                continue
            try:
                self.make(unit)
            except Exception:
                # Not lost: the unit meets it again when its turn comes.
                return True
            # Its inputs may change before its turn comes.
            del self._made[unit]
            return True
        return False

    def _undone(self, unit: Unit, item: Keyed, pending: list[Pending]) -> Undone:
        cells = tuple(sorted({cell for leaf in pending for cell in leaf.cells}))
        held = all((c.asset, c.partition) in self.current for c in unit.cells())
        certain = not held or not self.home.records.has_recipe(item.recipe)
        return Undone(item, Pending((_made_by(unit, item.action),) if certain else cells, certain))

    def known(self, key: str) -> Answer | None:
        """Return an action's cached result, if all its outputs still exist."""
        if self._runner is not None:
            return self._held(key)
        if self._answers is None:
            self._answers = self._likely()
        if key not in self._answers:
            self._answers[key] = self._held(key)
        return self._answers[key]

    def learn(self, key: str, answer: Answer) -> None:
        """Take an action's result that was recorded after this session had looked for it."""
        if self._answers is not None:
            self._answers[key] = answer

    def _likely(self) -> dict[str, Answer | None]:
        """Return the actions of all current content, which are most of what a plan needs."""
        keys = {key for held in self.current.values() for key in held.actions.values()}
        keys -= self.settled
        answers = self.home.records.answers(sorted(keys))
        digests = {ref.digest for answer in answers.values() for ref in answer.outputs.values()}
        gone = set(self.home.objects.missing(sorted(digests)))
        return {
            key: None if any(ref.digest in gone for ref in answer.outputs.values()) else answer
            for key, answer in answers.items()
        }

    def _held(self, key: str) -> Answer | None:
        answer = self.home.records.answer(key)
        if answer is None:
            return None
        digests = [ref.digest for ref in answer.outputs.values()]
        return None if self.home.objects.missing(digests) else answer


def _recipe(unit: Unit) -> Recipe:
    return function(KINDS[unit.kind].recipe)


def _made_by(unit: Unit, action: Action) -> Cell:
    """Return the cell whose content an action of a unit produces."""
    if action.makes is None:
        return unit.cells()[0]
    return Cell(f"{unit.group}/{action.makes}", unit.partition)
