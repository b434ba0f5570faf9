"""A model as it would have been trained on the batches up to one, and how it does on any batch.

The actions are those of a run (split, fit, refit, predict, compare), so what a run has made is not
made again, and the other way round. No pointer moves. Belongs here: which actions. Does not belong
here: which policy would have trained when (`operations/replay`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.recipes.candidate import candidate_of
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.predictions import SCORE, predicted
from ml_assets.engine.recipes.scorer import PinnedScorer
from ml_assets.engine.recipes.splits import (
    AS_OF,
    feature_inputs,
    handed,
    split_action,
)
from ml_assets.engine.recipes.watching import Report, shifted
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.errors import NotMaterialized
from ml_assets.history.past import Past, features_action
from ml_assets.keys.action import Action
from ml_assets.moved import moved
from ml_assets.spec.model import FeatureColumn
from ml_assets.spec.predictions import LossesSpec
from ml_assets.store.objects import Ref

LEARNED = ("train", "validation")


@dataclass(frozen=True)
class Then:
    """A model trained on the batches up to one."""

    batch: str
    """The newest batch that it knew."""
    family: str
    by: PinnedScorer
    tested: tuple[str, ...]
    """The batches of its test rows."""
    seconds: float
    """What its training cost when it ran."""


@dataclass(frozen=True)
class Folds:
    """The folds of some batches."""

    waiting: str | None
    summary: Mapping[str, Any]
    outputs: Mapping[str, Ref]

    @property
    def kept(self) -> Ref | None:
        """The assignment of a stratified split, for the batches after."""
        return self.outputs.get("assignment")


def folds_then(
    session: Session, model: str, features: Mapping[str, Ref], kept: Ref | None
) -> Folds:
    """Return the folds of features (by batch, in calendar order); `kept` is an assignment."""
    action = split_action(session.project, model, dict(features))
    if kept is not None:
        action = handed(action, kept)
    done = _done(session, Unit(model, "splits"), action)
    summary = session.home.objects.json(done.outputs["summary"].digest)
    return Folds(summary["waiting"], summary, done.outputs)


def trained_then(session: Session, model: str, features: Mapping[str, Ref], folds: Folds) -> Then:
    """Return the model that a run would have trained on these features."""
    unit = Unit(model, "candidate")
    facts = {**folds.summary, AS_OF: dict(features)}
    cells = [
        Made(Cell(f"{model}/{name}_split"), {name: folds.outputs[name]}, {}, facts=facts)
        for name in LEARNED
    ]
    refs = {name: folds.outputs[name] for name in LEARNED}
    read = feature_inputs(session, unit, cells)
    assert isinstance(read, Mapping), "the folds are known"
    made = candidate_of(
        session, unit, session.project.models[model], {**refs, "features": dict(read)}
    )
    return Then(
        batch=list(features)[-1],
        family=str(made.facts["chosen"]),
        by=_scorer(session, model, made, refs, dict(read)),
        tested=tuple(folds.summary["batches"]["test"]),
        seconds=sum(one.record.seconds for one in made.actions.values() if isinstance(one, Done)),
    )


def _scorer(
    session: Session, model: str, made: Made, folds: Mapping[str, Ref], features: dict[str, Any]
) -> PinnedScorer:
    """Return a model as one that predicts, as a run pins a candidate."""
    records = session.home.records
    fit = made.actions[f"fit:{made.facts['chosen']}"]
    assert isinstance(fit, Done), "it was fitted"
    fitted, read = records.action(fit.record.key), features_action(session.home, model, features)
    if fitted is None or read is None:
        raise NotMaterialized(
            f"the store has lost how the features of {model} were made; run "
            f'ml-assets run "+{model}/features" --force'
        )
    output = made.outputs["model"]
    assert isinstance(output, Ref), "it was fitted"
    limits = made.outputs.get("limits")
    past = Past(
        number=0,
        digest=output.digest,
        model=output,
        family=moved.now(fitted.ingredients["hooks"]["family"]),
        fit=fitted.ingredients["params"],
        folds=folds,
        features=features,
        target=None,
        key=(),
    )
    return PinnedScorer(past, fitted, read, limits if isinstance(limits, Ref) else None)


def lost(session: Session, model: str, then: Then, batch: str, features: Ref) -> dict[str, Any]:
    """Return {"rows", "loss"} of a model on the rows of a batch that it has not seen."""
    unit = Unit(model, "predictions", batch)
    _, prediction = predicted(session, unit, features, then.by, {})
    spec = LossesSpec(metric=session.project.models[model].training.metric)
    given = {"predictions": prediction, "features": features}
    done = _done(session, unit, Action("losses", f"{SCORE}.losses:losses", spec, given))
    found: dict[str, Any] = session.home.objects.json(done.outputs["losses"].digest)
    return found


def apart(session: Session, model: str, then: Then, batch: str, features: Ref) -> float | None:
    """Return how well a classifier tells a batch from what a model was trained on (AUC).

    Where that is not judged it is the share of the inputs that are over their limit of drift; None
    if no input is compared.
    """
    unit = Unit(model, "monitoring_report", batch)
    done: dict[str, Done | Undone] = {}
    rows, prediction = predicted(session, unit, features, then.by, done)
    columns = {n: FeatureColumn.model_validate(c) for n, c in then.by.spec["columns"].items()}
    report = Report(session, unit, model, then.batch, then.by, None, columns)
    report.given = {"inputs": rows, "features": features, "predictions": prediction}
    made = shifted(report, seen_of(session, model))["shift"]
    assert isinstance(made, Ref), "it was compared"
    shift = session.home.objects.json(made.digest)
    if shift["joint"] is not None:
        return float(shift["joint"]["auc"])
    names = {test["column"] for test in shift["tests"]}
    over = {test["column"] for test in shift["tests"] if test["alarm"]}
    return len(over) / len(names) if names else None


def _done(session: Session, unit: Unit, action: Action) -> Done:
    done = session.act(unit, action)
    assert isinstance(done, Done), "a session that runs leaves nothing pending"
    return done
