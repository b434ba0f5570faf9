"""What the model of each batch loses on every later batch: computed once, through the cache.

Belongs here: which models and batches there are, and running what is missing. Does not belong here:
the actions (`engine/recipes/replayed`), policies (`policies`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ml_assets.assets.cells import Unit
from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.replayed import Then, apart, folds_then, lost, trained_then
from ml_assets.engine.run import ActionRunner
from ml_assets.engine.session import Done, Session
from ml_assets.errors import DamagedObject, RequestError, UnknownName
from ml_assets.keys.action import Keyed
from ml_assets.keys.code import Sources
from ml_assets.store.objects import Ref
from ml_assets.store.records import Answer


@dataclass(frozen=True)
class Loss:
    """The sum of a model's losses on rows that it has not seen."""

    rows: int
    total: float

    @property
    def mean(self) -> float | None:
        """The loss of a row; None without rows."""
        return self.total / self.rows if self.rows else None


@dataclass(frozen=True)
class Trained:
    """The model of a batch."""

    number: int
    """How many batches it knew."""
    batch: str
    """The newest of them."""
    family: str
    test: Loss
    """On its own test rows."""
    later: Mapping[str, Loss]
    """On every later batch."""
    seconds: float


@dataclass(frozen=True)
class Matrix:
    """Every model on every later batch."""

    batches: Sequence[str]
    models: Mapping[int, Trained]
    """By how many batches they knew."""
    waiting: Mapping[str, str]
    """Batches after which no model could be trained, and why."""

    def loss(self, model: int, place: int) -> Loss:
        """Return the loss of a model on the batch at a place."""
        return self.models[model].later[self.batches[place]]


T = TypeVar("T")
Listener = Callable[[str], None]


@dataclass
class Counted:
    """A runner that counts what it runs."""

    runner: ActionRunner
    executed: int = 0
    asked: set[str] = field(default_factory=set)

    def __call__(self, unit: Unit, item: Keyed, known: Answer | None) -> Done:
        """Return an action's record."""
        self.asked.add(item.key)
        done = self.runner(unit, item, known)
        self.executed += known is None
        return done


class Replay:
    """The batches of one model, and what is computed of them."""

    def __init__(self, planner: Planner, name: str) -> None:
        """Raise UnknownName, or RequestError for a model without batches in time."""
        if name not in planner.project.models:
            raise UnknownName.of("model", name, planner.project.models)
        model = planner.project.models[name]
        if planner.project.datasets[model.dataset].calendar is None:
            raise RequestError(
                f"{name} is trained on {model.dataset}, one file that is replaced whole; a replay "
                "goes through batches in time, so the dataset needs a `calendar`"
            )
        self.name, self.model, self._planner = name, model, planner
        held = planner.home.records.held(planner.home.env, f"{name}/features")
        usable = {b: one for b, one in held.items() if one.facts.get("usable", True)}
        self.batches: list[str] = planner.project.ordered(name, usable)
        self._features = {b: usable[b].outputs["features"] for b in self.batches}
        sources = Sources(planner.workspace.roots)
        runner = ActionRunner(planner.workspace, planner.home, sources, project=planner.project)
        self.counted = Counted(runner)
        self._session: Session = planner.session(recurse=False, runner=self.counted)
        self._models: dict[int, Then] = {}

    def matrix(self, listener: Listener = lambda _: None) -> Matrix:
        """Return the losses of every model on every later batch; what is missing runs now.

        RequestError if no run has made features yet.
        """
        if not self.batches:
            raise RequestError(
                f"{self.name} has no features yet; run `ml-assets run +{self.name}/features`"
            )
        models, waiting = {}, {}
        kept: Ref | None = None
        for number in range(1, len(self.batches) + 1):
            features = self._upto(number)
            folds = self._made(partial(folds_then, self._session, self.name, features, kept))
            kept = folds.kept
            newest = self.batches[number - 1]
            if folds.waiting is not None:
                waiting[newest] = folds.waiting
                continue
            before = self.counted.executed
            then = self._made(partial(trained_then, self._session, self.name, features, folds))
            self._models[number] = then
            how = f"{then.seconds:.1f} s" if self.counted.executed > before else "reused"
            models[number] = self._trained(number, then)
            listener(f"trained up to {newest}: {then.family} ({how})")
        return Matrix(self.batches, models, waiting)

    def drift(self, model: int, place: int) -> float | None:
        """Return how far the batch at a place is from what a model was trained on."""
        batch = self.batches[place]
        then = self._models[model]
        features = self._features[batch]
        return self._made(partial(apart, self._session, self.name, then, batch, features))

    def _upto(self, number: int) -> dict[str, Ref]:
        return {batch: self._features[batch] for batch in self.batches[:number]}

    def _trained(self, number: int, then: Then) -> Trained:
        tested = [self._lost(then, batch) for batch in then.tested]
        test = Loss(sum(one.rows for one in tested), sum(one.total for one in tested))
        later = {batch: self._lost(then, batch) for batch in self.batches[number:]}
        return Trained(number, then.batch, then.family, test, later, then.seconds)

    def _lost(self, then: Then, batch: str) -> Loss:
        features = self._features[batch]
        found = self._made(partial(lost, self._session, self.name, then, batch, features))
        return Loss(found["rows"], found["loss"])

    def _made(self, make: Callable[[], T]) -> T:
        """Return what is made; a damaged object is forgotten, and what makes it runs again."""
        while True:
            try:
                return make()
            except DamagedObject as error:
                self._planner.home.objects.forget(error.digest)
