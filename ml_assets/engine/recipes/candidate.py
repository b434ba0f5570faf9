"""A model's candidate: fits the families, chooses the best on validation, and refits it.

Belongs here: its actions. Does not belong here: whether it is made now (`retrain`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ml_assets.assets.cells import Unit
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.from_rounds import taken_action, trainable
from ml_assets.engine.recipes.splits import feature_inputs, folds_of
from ml_assets.engine.sensitive import Seen, sensitive_inputs
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.history.ancestry import TAKEN
from ml_assets.keys.action import Action, Input
from ml_assets.keys.families import FAMILIES
from ml_assets.spec.families import BASELINES, Blend, Blended, Custom, FamilySpec, FromRounds
from ml_assets.spec.intervals import CalibrateSpec
from ml_assets.spec.model import ChooseSpec, CrossSpec, FitSpec, ModelSpec
from ml_assets.spec.project import Project
from ml_assets.workspace import Workspace

FIT = "ml_assets.stages.train.fit:fit"
CROSS = "ml_assets.stages.train.cross:cross_fit"
BLENDING = "ml_assets.stages.train.blending:blend"
CALIBRATE = "ml_assets.stages.intervals.calibrate:calibrate"
TRIVIAL = "baseline:"
"""The prefix, before the family's name, of trivial models among a candidate's outputs."""


def family_module(workspace: Workspace, group: str, family: Any) -> str:
    """Return the module of a family, which may be the user's own."""
    if isinstance(family, Custom):
        return workspace.hook(group, family.module).split(":")[0]
    return FAMILIES[family.family]


def family_modules(project: Project, workspace: Workspace, name: str) -> list[str]:
    """Return the module of each of a model's families."""
    families = project.models[name].training.families.values()
    return [family_module(workspace, name, family) for family in families]


def fit_spec(model: ModelSpec, family: str) -> FitSpec:
    """Return the part of a model's spec that fitting a family depends on."""
    return FitSpec(
        task=model.task,
        metric=model.training.metric,
        family=_settings(model, family),
        columns=model.features.columns,
        weighted=model.weight is not None,
        threads=model.training.threads,
        seed=model.training.seed,
        threshold=model.training.threshold,
    )


def _settings(model: ModelSpec, name: str) -> FamilySpec | Blended:
    """Return the settings of a family, a blend's with those of its members."""
    families = model.training.families
    family = families[name]
    if not isinstance(family, Blend):
        return family
    return Blended(family="blend", members={member: families[member] for member in family.of})


def _cross_spec(model: ModelSpec, family: str) -> CrossSpec:
    """Return the part of a model's spec that cross-validating a family depends on."""
    split = model.split
    return CrossSpec(
        **dict(fit_spec(model, family)),
        folds=model.training.folds,
        forward=split.kind == "time",
        grouped=split.kind == "hash" and bool(split.group),
        salt=split.salt if split.kind == "hash" else "",
    )


def learning(session: Session, unit: Unit) -> tuple[dict[str, Input], str | None]:
    """Return the inputs of every family of a model, and why the model waits, if it does."""
    folds, waits = folds_of(session, unit, ("train", "validation"))
    if waits is not None:
        return {}, f"{unit.group} waits: {waits}"
    inputs = {fold: folds[fold].outputs[fold] for fold in ("train", "validation")}
    batches = feature_inputs(session, unit, [folds["train"], folds["validation"]])
    return {**inputs, "features": batches}, None


def fit_action(
    workspace: Workspace, group: str, model: ModelSpec, name: str, inputs: Mapping[str, Input]
) -> Action:
    """Return the action that fits one family of a model, blends apart."""
    crossed = model.training.selection == "cross_validation"
    return Action(
        f"fit:{name}",
        CROSS if crossed else FIT,
        _cross_spec(model, name) if crossed else fit_spec(model, name),
        inputs,
        {"family": family_module(workspace, group, model.training.families[name])},
    )


def _fit_action(
    session: Session, group: str, model: ModelSpec, name: str, inputs: Mapping[str, Input]
) -> Action:
    family = model.training.families[name]
    if not isinstance(family, FromRounds):
        return fit_action(session.workspace, group, model, name, inputs)
    module = family_module(session.workspace, group, family)
    return taken_action(session, group, name, fit_spec(model, name), inputs, module)


def _blend_action(
    model: ModelSpec, name: str, inputs: Mapping[str, Input], done: Mapping[str, Done | Undone]
) -> Action:
    """Return the action that chooses the weights of a blend of fitted families."""
    spec = fit_spec(model, name)
    assert isinstance(spec.family, Blended)
    members = {member: done[f"fit:{member}"].outputs for member in spec.family.members}
    models: Input = {member: outputs["model"] for member, outputs in members.items()}
    given: dict[str, Input] = {**inputs, "models": models}
    if model.training.selection == "cross_validation":
        given["held"] = {member: outputs["held"] for member, outputs in members.items()}
    return Action(f"fit:{name}", BLENDING, spec, given, {"family": FAMILIES["blend"]})


def candidate_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's candidate."""
    training = project.models[name].training
    fitting = CROSS if training.selection == "cross_validation" else FIT
    blends = any(isinstance(family, Blend) for family in training.families.values())
    stages = [stage.partition(":")[0] for stage in (fitting, *([BLENDING] if blends else []))]
    if any(isinstance(family, FromRounds) for family in training.families.values()):
        stages.append(TAKEN.partition(":")[0])
    stages += [f"ml_assets.stages.train.{part}" for part in ("choose", "refit")]
    specs: list[BaseModel] = [
        fit_spec(project.models[name], family) for family in training.families
    ]
    if project.models[name].prediction_intervals is not None:
        stages.append(CALIBRATE.partition(":")[0])
        specs.append(calibrate_spec(project, name))
    return Versioned([*stages, *family_modules(project, workspace, name)], specs)


def calibrate_spec(
    project: Project, name: str, known: Seen | None = None, model: ModelSpec | None = None
) -> CalibrateSpec:
    """Return what calibrating the prediction intervals of a model depends on.

    `known` as in `evaluate_spec`; `model` is the spec of the candidate, if not the project's.
    """
    model = model or project.models[name]
    asked = model.prediction_intervals
    assert asked is not None, f"{name} has no prediction intervals"
    hidden = sensitive_inputs(project, name, known or {}) if asked.by else ()
    return CalibrateSpec(
        task=model.task,
        coverage=asked.coverage,
        by=tuple(column for column in asked.by if column not in hidden),
        hidden=tuple(column for column in asked.by if column in hidden),
    )


def candidate_of(
    session: Session, unit: Unit, model: ModelSpec, inputs: Mapping[str, Input]
) -> Made:
    """Make the candidate of a model, with a given spec and rows."""
    (cell,) = unit.cells()
    model = trainable(session, unit.group, model)
    families = model.training.families
    blends = [name for name, family in families.items() if isinstance(family, Blend)]
    fits = [
        _fit_action(session, unit.group, model, name, inputs)
        for name in families
        if name not in blends
    ]
    done = _done(session, unit, fits)
    done |= _done(session, unit, [_blend_action(model, name, inputs, done) for name in blends])
    baselines = tuple(n for n, f in model.training.families.items() if f.family in BASELINES)
    scores: Input = {n: done[f"fit:{n}"].outputs["scores"] for n in model.training.families}
    choice = session.act(
        unit,
        Action(
            "choose",
            "ml_assets.stages.train.choose:choose",
            ChooseSpec(metric=model.training.metric, baselines=baselines),
            {"scores": scores},
        ),
    )
    done["choose"] = choice
    if isinstance(choice, Undone):
        later = choice.outputs["leaderboard"]
        outputs: dict[str, Any] = {"model": later, "leaderboard": later, "baseline": later}
        if model.prediction_intervals is not None:
            outputs["limits"] = later
        return Made(cell, outputs | _trivial(baselines, done), done)
    board = session.home.objects.json(choice.outputs["leaderboard"].digest)
    outputs = {"leaderboard": choice.outputs["leaderboard"], **_trivial(baselines, done)}
    roles = {"baseline": board["baseline"], "model": board["chosen"]}
    refits = {
        name: _refit_action(session, unit, model, name, inputs, done)
        for name in dict.fromkeys(roles.values())
        if model.training.refit != "none" and not isinstance(families[name], FromRounds)
    }
    done |= _done(session, unit, list(refits.values()))
    parts = {name: "refit" if name in refits else "fit" for name in roles.values()}
    outputs |= {role: done[f"{parts[n]}:{n}"].outputs["model"] for role, n in roles.items()}
    if model.prediction_intervals is not None:
        calibrated = _calibrate_action(session, unit, model, board["chosen"], inputs, done)
        done["calibrate"] = session.act(unit, calibrated)
        outputs["limits"] = done["calibrate"].outputs["limits"]
    facts = {key: board[key] for key in ("metric", "chosen", "baseline", "families")}
    return Made(cell, outputs, done, facts=facts)


def _trivial(names: Sequence[str], done: Mapping[str, Done | Undone]) -> dict[str, Any]:
    """Return every trivial baseline as fitted on train, for the report."""
    return {f"{TRIVIAL}{name}": done[f"fit:{name}"].outputs["model"] for name in names}


def _done(session: Session, unit: Unit, actions: Sequence[Action]) -> dict[str, Done | Undone]:
    """Return the results of independent actions, by part."""
    made = session.each(unit, actions)
    return {action.part: one for action, one in zip(actions, made, strict=True)}


def _refit_action(
    session: Session,
    unit: Unit,
    model: ModelSpec,
    name: str,
    inputs: Mapping[str, Input],
    done: Mapping[str, Done | Undone],
) -> Action:
    """Return the action that fits a family again, on train and validation."""
    fitted = done[f"fit:{name}"].outputs["model"]
    module = family_module(session.workspace, unit.group, model.training.families[name])
    return Action(
        f"refit:{name}",
        "ml_assets.stages.train.refit:refit",
        fit_spec(model, name),
        {"fitted": fitted, **inputs},
        {"family": module},
    )


def _calibrate_action(
    session: Session,
    unit: Unit,
    model: ModelSpec,
    name: str,
    inputs: Mapping[str, Input],
    done: Mapping[str, Done | Undone],
) -> Action:
    """Return the action that calibrates the intervals of the chosen family, before its refit."""
    asked, family = model.prediction_intervals, model.training.families[name]
    known = seen_of(session, unit.group) if asked is not None and asked.by else {}
    given: dict[str, Input] = {**inputs, "model": done[f"fit:{name}"].outputs["model"]}
    if model.training.selection == "cross_validation":
        names = family.of if isinstance(family, Blend) else (name,)
        given["held"] = {part: done[f"fit:{part}"].outputs["held"] for part in names}
    return Action(
        "calibrate",
        CALIBRATE,
        calibrate_spec(session.project, unit.group, known, model),
        given,
        {"family": family_module(session.workspace, unit.group, family)},
    )
