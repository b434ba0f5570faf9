"""Experiments: variations of a model's training, compared on validation.

A variation consists of ordinary `fit:<family>` actions with other settings, on the current folds.
Their keys are computed as usual, so a restarted experiment reuses every fit, as does a run after
the values were adopted. No pointer changes, and the test fold is never read. Belongs here: fitting,
ranking. Does not belong here: what may be varied (`variation`), writing YAML (`adopt`), plots
(`experiment_plot`).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ml_assets.assets.cells import Unit
from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.candidate import candidate_of, fit_action, learning
from ml_assets.engine.run import ActionRunner
from ml_assets.engine.session import Done
from ml_assets.errors import DamagedObject, MlAssetsError, NotMaterialized, UnknownName
from ml_assets.keys import fields
from ml_assets.keys.action import digests_in, pending_in
from ml_assets.keys.code import Sources
from ml_assets.operations.variation import (
    CURRENT,
    Axis,
    Settings,
    families,
    grid,
    named,
    value_at,
    vary,
)
from ml_assets.spec.model import ModelSpec
from ml_assets.stages.metrics import greater_is_better
from ml_assets.store.digest import json_digest

if TYPE_CHECKING:
    from optuna.trial import Trial

DIGITS = 4
"""Significant digits of the numbers that a search proposes, to keep them readable."""


@dataclass(frozen=True)
class Tried:
    """A variation and its metric on validation; `value` is None if the metric is undefined."""

    name: str
    settings: Settings
    """Path -> value of every varied setting; for `current`, the values in the YAML."""
    family: str = ""
    """The best of the families that it varies."""
    value: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    trees: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    executed: bool = False
    """Whether anything was fitted for it now; if not, everything was in the cache."""
    seconds: float = 0.0
    """The time that its fits took when they ran."""
    fault: str | None = None


Listener = Callable[[Tried], None]


class Experiment:
    """Variations of one model on the current rows of its folds."""

    def __init__(self, planner: Planner, name: str) -> None:
        """Raise UnknownName, and NotMaterialized if the folds are not up to date."""
        if name not in planner.project.models:
            raise UnknownName.of("model", name, planner.project.models)
        self.model: ModelSpec = planner.project.models[name]
        self.name = name
        self._planner = planner
        self._unit = Unit(name, "candidate")
        self._inputs, waits = learning(planner.session(), self._unit)
        if waits is not None:
            raise NotMaterialized(waits)
        if any(list(pending_in(tree)) for tree in self._inputs.values()):
            raise NotMaterialized(
                f"the folds of {name} are not up to date; run "
                f'ml-assets run "+{name}/validation_split"'
            )
        runner = ActionRunner(planner.workspace, planner.home, Sources(planner.workspace.roots))
        self._session = planner.session(recurse=False, runner=runner)

    @property
    def environment(self) -> str:
        """The environment whose folds are read."""
        return self._planner.home.env

    @property
    def metric(self) -> str:
        """The metric on validation by which variations are compared."""
        return str(self.model.training.metric)

    @property
    def greater_is_better(self) -> bool:
        """Whether a greater value of the metric is better."""
        return greater_is_better(self.metric)

    def digest(self, tried: Sequence[Tried]) -> str:
        """Return a digest of the spec, the rows, the variations and their results."""
        rows = [digests_in(self._inputs[fold]) for fold in ("train", "validation")]
        trials = [[item.name, item.family, item.value] for item in tried]
        return json_digest([self.name, fields.document(self.model), rows, trials])

    def run(
        self, axes: Sequence[Axis], trials: int | None = None, listener: Listener | None = None
    ) -> list[Tried]:
        """Try the YAML's own values, then the grid or that many trials; return the best first."""
        now = {axis.path: value_at(self.model, axis.path) for axis in axes}
        concerned = families(self.model, list(now))
        tell = listener or _ignore
        by_name: dict[str, Tried] = {}

        def attempt(settings: Settings) -> Tried:
            name = CURRENT if settings == now else named(settings)
            if name not in by_name:
                by_name[name] = self._try(Tried(name, settings), concerned)
                tell(by_name[name])
            return by_name[name]

        attempt(now)
        if trials is None:
            for settings in grid(axes):
                attempt(settings)
        else:
            self._search(axes, trials, attempt)
        return sorted(by_name.values(), key=self._order)

    def prepare(self, settings: Settings) -> None:
        """Refit the best family of a variation, so that a run after its adoption trains nothing."""
        candidate_of(self._session, self._unit, vary(self.model, settings), self._inputs)

    def _try(self, bare: Tried, concerned: Sequence[str]) -> Tried:
        try:
            return self._fitted(bare, concerned)
        except Exception as error:
            # Not ignored: the other variations are tried, then the command fails with this error.
            known = isinstance(error, MlAssetsError)
            said = str(error) if known else "".join(traceback.format_exception_only(error)).strip()
            return replace(bare, fault=said)

    def _fitted(self, bare: Tried, concerned: Sequence[str]) -> Tried:
        model = self.model if bare.name == CURRENT else vary(self.model, bare.settings)
        attempts = []
        for family in concerned:
            done, scores = self._scored(model, family)
            attempts.append(
                replace(
                    bare,
                    family=family,
                    value=scores["validation"][self.metric],
                    metrics=scores["validation"],
                    trees=scores["trees"],
                    rows=scores["rows"],
                    executed=done.executed,
                    seconds=done.record.seconds,
                )
            )
        best = min(attempts, key=self._order)
        return replace(
            best,
            executed=any(tried.executed for tried in attempts),
            seconds=sum(tried.seconds for tried in attempts),
        )

    def _scored(self, model: ModelSpec, family: str) -> tuple[Done, Any]:
        action = fit_action(self._planner.workspace, self.name, model, family, self._inputs)
        while True:
            done = self._session.act(self._unit, action)
            assert isinstance(done, Done)
            scores = done.outputs["scores"].digest
            try:
                return done, self._planner.home.objects.json(scores)
            except DamagedObject:
                # Without its object the action is no longer in the cache, so it runs once more.
                self._planner.home.objects.forget(scores)

    def _search(
        self,
        axes: Sequence[Axis],
        trials: int,
        attempt: Callable[[Settings], Tried],
    ) -> None:
        """Let optuna's TPE sampler propose settings (Bergstra et al., 2011).

        It is seeded and the metric is deterministic, so a killed search proposes the same
        settings when it is restarted.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        goals = optuna.study.StudyDirection
        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=self.model.training.seed),
            direction=goals.MAXIMIZE if self.greater_is_better else goals.MINIMIZE,
        )
        for _ in range(trials):
            trial = study.ask()
            value = attempt({axis.path: _suggested(trial, axis) for axis in axes}).value
            if value is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, value)

    def _order(self, tried: Tried) -> tuple[bool, float]:
        if tried.value is None:
            return True, 0.0
        return False, -tried.value if self.greater_is_better else tried.value


def _suggested(trial: Trial, axis: Axis) -> Any:
    """Return a value to try; ranges of a factor of ten or more use a log scale."""
    if axis.low is None or axis.high is None:
        return axis.values[trial.suggest_categorical(axis.path, list(range(len(axis.values))))]
    log = axis.low > 0 and axis.high / axis.low >= 10
    if axis.whole:
        return trial.suggest_int(axis.path, int(axis.low), int(axis.high), log=log)
    value = trial.suggest_float(axis.path, axis.low, axis.high, log=log)
    return min(max(float(f"{value:.{DIGITS}g}"), axis.low), axis.high)


def _ignore(_tried: Tried) -> None:
    return
