"""The predictions of a batch by its scorer, and what came true of them.

Belongs here: which rows, code and model go in. Does not belong here: which model scores a batch
(`scorer`), predicting (`stages/score`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes.candidate import family_modules
from ml_assets.engine.recipes.dataset import cleaned_of
from ml_assets.engine.recipes.features import features_action, inputs_of
from ml_assets.engine.recipes.recorded import CHECK, as_recorded
from ml_assets.engine.recipes.scorer import PinnedScorer, scorer, scorer_of
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.history.past import params_of
from ml_assets.keys.action import Action, Hooks, Input, Pending
from ml_assets.keys.families import FAMILIES
from ml_assets.moved import moved
from ml_assets.spec.model import FeaturesSpec
from ml_assets.spec.predictions import (
    AgainSpec,
    InputsSpec,
    PredictionsSpec,
    RealizedSpec,
    SeenSpec,
)
from ml_assets.spec.project import Project
from ml_assets.store.objects import Ref
from ml_assets.workspace import Workspace

SCORE = "ml_assets.stages.score"
STORED = "ml_assets.history.stored_code.loaded:stored_modules"
DECIDING = ("known", "joins", "previous", "key", "time", "inputs")
"""The fields of a features spec, besides its columns, by which a row's features differ."""


def predictions_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's predictions."""
    stages = [f"{SCORE}.batch", f"{SCORE}.realized"]
    return Versioned([*stages, *family_modules(project, workspace, name)], ())


def predictions(session: Session, unit: Unit) -> Sequence[Made]:
    """Predict one batch with its scorer; a batch without one has no predictions."""
    (cell,) = unit.cells()
    made = session.upstream(Cell(f"{unit.group}/features", unit.partition))
    digest = scorer_of(session, made)
    return [scored(session, unit, made, digest)] if digest else _without(session, cell)


def scored(session: Session, unit: Unit, features: Made, digest: str) -> Made:
    """Return a batch's predictions by the model that is pinned for it, a candidate's digest."""
    (cell,) = unit.cells()
    waits = features.waiting or features.facts.get("refused")
    if waits is not None:
        return Made(cell, {}, {}, waiting=f"{cell} waits: {waits}")
    by = scorer_named(session, unit.group, digest)
    if by is None:
        return _without_scorer(session, cell)
    try:
        return _predicted(session, unit, features, by)
    except ValidationError as error:
        said = f"the specs of v{by.past.number} are of another version of ml_assets: {error}"
        return Made(cell, {}, {}, waiting=f"{cell} waits: {said}")


def scorer_named(session: Session, model: str, digest: str) -> PinnedScorer | None:
    """Return a candidate as a scorer; None if the store no longer has all that is needed."""
    named: PinnedScorer | None = session.remembered(
        ("scorer", model, digest), lambda: scorer(session.home, model, digest)
    )
    return named


def _without(session: Session, cell: Cell) -> Sequence[Made]:
    """Return why a model without a champion has no predictions, once for all of its batches."""
    model = session.project.models[cell.group]
    calendar = session.project.datasets[model.dataset].calendar
    newest = calendar is None or session.batches(model.dataset)[-1] == cell.partition
    if not newest or session.home.promotions.champion(session.home.env, cell.group) is not None:
        return []
    said = (
        f"{cell.group}/predictions waits: {cell.group} has no champion yet (see "
        f"`ml-assets status {cell.group}`); batches that arrive once there is one are scored, and "
        f"older ones by `ml-assets score {cell.group} --backfill`"
    )
    return [Made(cell, {}, {}, waiting=said)]


def _without_scorer(session: Session, cell: Cell) -> Made:
    """Return the predictions that there are, where the store has lost what their scorer needs."""
    held = session.home.records.current(session.home.env, cell.asset, cell.partition)
    if held is not None:
        made, _ = as_recorded(session, cell, held, held.facts)
        if "predict" in made.actions:
            return made
    by = "champion" if cell.name == "predictions" else "challenger"
    said = (
        f"{cell} waits: the store has lost what its scorer needs, such as forgotten rows; "
        f"`ml-assets score {cell.group} --backfill` predicts it with the current {by}"
    )
    return Made(cell, {}, {}, waiting=said)


def _predicted(session: Session, unit: Unit, made: Made, by: PinnedScorer) -> Made:
    (cell,) = unit.cells()
    done: dict[str, Done | Undone] = {}
    features: Input = made.outputs["features"]
    if not _alike(session, unit.group, by):
        done["features"] = session.act(unit, _again(session, unit, by))
        features = done["features"].outputs["features"]
    rows, prediction = predicted(session, unit, features, by, done)
    facts: dict[str, Any] = {"scorer": f"v{by.past.number}", "candidate": by.past.digest}
    if by.coverage is not None:
        facts["intervals"] = by.coverage["text"]
    if isinstance(done["predict"], Done):
        facts |= done["predict"].record.facts
    facts |= _realized(session, unit, by, prediction, features, done)
    checks = _checks(session, unit, by, {"predictions": prediction, "inputs": rows})
    return Made(cell, {"predictions": prediction}, done, checks, facts)


def predicted(
    session: Session,
    unit: Unit,
    features: Input,
    by: PinnedScorer,
    done: dict[str, Done | Undone],
) -> tuple[Ref | Pending, Ref | Pending]:
    """Return a model's inputs of a batch of features, and its predictions, with `done` by part."""
    columns = InputsSpec(columns=tuple(by.spec["columns"]))
    inputs = Action("inputs", f"{SCORE}.batch:inputs", columns, {"features": features})
    done["inputs"] = session.act(unit, inputs)
    trained: dict[str, Input] = {**by.past.folds, "features": dict(by.past.features)}
    model = SeenSpec(model=unit.group)
    done["seen"] = session.act(unit, Action("seen", f"{SCORE}.batch:seen", model, trained))
    rows = done["inputs"].outputs["inputs"]
    done["predict"] = session.act(unit, _predict(session, unit, by, rows, done["seen"]))
    return rows, done["predict"].outputs["predictions"]


def _checks(
    session: Session, unit: Unit, by: PinnedScorer, given: Mapping[str, Input]
) -> dict[str, Done | Undone]:
    model = session.project.models[unit.group]
    cleaned = cleaned_of(session, model.dataset, unit.partition).outputs["cleaned"]
    given = {**given, "cleaned": cleaned}
    params = PredictionsSpec(model=unit.group, batch=unit.partition, joins=_joined(by))
    checks = {}
    for entry in checks_of("predictions", model):
        inputs = {name: given[name] for name in entry.inputs}
        action = Action(f"{CHECK}{entry.name}", entry.stage, params, inputs)
        checks[entry.name] = session.act(unit, action)
    return checks


def _predict(
    session: Session, unit: Unit, by: PinnedScorer, rows: Input, seen: Done | Undone
) -> Action:
    """Return the action that predicts; a family of the project's own has its stored sources."""
    inputs: dict[str, Input] = {
        "model": by.past.model,
        "inputs": rows,
        "seen": seen.outputs["seen"],
    }
    if by.limits is not None:
        inputs["limits"] = by.limits
    shipped = by.past.family in FAMILIES.values()
    hooks: dict[str, Hooks] = {"family": by.past.family} if shipped else {"stored": STORED}
    if not shipped:
        inputs["sources"] = Ref(by.fitted.sources, "json")
    params = PredictionsSpec(
        model=unit.group,
        batch=unit.partition,
        family=None if shipped else by.past.family,
        joins=_joined(by),
    )
    return Action("predict", f"{SCORE}.batch:predictions", params, inputs, hooks)


def _joined(by: PinnedScorer) -> dict[str, tuple[str, ...]]:
    """Return for each joined dataset the features that are derived from it."""
    return {
        join["dataset"]: tuple(
            name
            for name, column in by.spec["columns"].items()
            if any(s.startswith(f"{join['dataset']}.") for s in column.get("sources", ()))
        )
        for join in by.spec["joins"]
    }


def _realized(
    session: Session,
    unit: Unit,
    by: PinnedScorer,
    prediction: Ref | Pending,
    features: Input,
    done: dict[str, Done | Undone],
) -> dict[str, Any]:
    """Return what came true of predictions; labels of another target say nothing of them."""
    model = session.project.models[unit.group]
    own = "features" in done
    if not own and (by.spec["target"], by.spec["task"]) != (model.target, model.task):
        return {"realized": {"why": f"its target is {by.spec['target']}"}}
    inputs: dict[str, Input] = {"predictions": prediction, "features": features}
    params = RealizedSpec(task=by.spec["task"])
    action = Action("realized", f"{SCORE}.realized:realized", params, inputs)
    done["realized"] = measured = session.act(unit, action)
    if isinstance(measured, Undone):
        return {}
    return {"realized": session.home.objects.json(measured.outputs["realized"].digest)}


def _alike(session: Session, model: str, by: PinnedScorer) -> bool:
    """Return whether today's features of a batch are those that the scorer would compute."""
    return bool(
        session.remembered(
            ("alike", model, by.past.digest), lambda: _same_features(session, model, by)
        )
    )


def _same_features(session: Session, model: str, by: PinnedScorer) -> bool:
    now = session.keyed(features_action(session, model, {})).ingredients
    then = by.features.ingredients
    if any(then["params"].get(name) != now["params"].get(name) for name in DECIDING):
        return False
    ours, theirs = now["params"]["columns"], then["params"]["columns"]
    if any(name not in ours or ours[name]["type"] != c["type"] for name, c in theirs.items()):
        return False
    if then["hooks"] != now["hooks"]:
        return not then["hooks"] and not now["hooks"]
    return _own_code(then["code"]) == _own_code(now["code"])


def _own_code(code: Mapping[str, str]) -> dict[str, str]:
    """Return the project's own modules in a closure, with their digests."""
    names = {name: moved.now(name) for name in code}
    return {
        name: digest
        for name, digest in code.items()
        if not names[name].startswith("ml_assets.") or names[name].startswith("ml_assets.defs.")
    }


def _again(session: Session, unit: Unit, by: PinnedScorer) -> Action:
    """Return the action that computes a batch's features as the scorer's were computed."""
    spec = FeaturesSpec.model_validate(params_of(by.features))
    today = {join.dataset: join for join in session.project.models[unit.group].joins}
    joins = [today.get(join.dataset, join) for join in spec.joins]
    inputs, _ = inputs_of(session, unit, spec, joins)
    hook = by.features.ingredients["hooks"].get("hook")
    params = AgainSpec(features=spec, function=hook)
    inputs["sources"] = None if hook is None else Ref(by.features.sources, "json")
    return Action("features", f"{SCORE}.again:again", params, inputs, {"stored": STORED})
