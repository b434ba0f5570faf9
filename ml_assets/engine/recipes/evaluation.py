"""A model's evaluation report: metrics, explanations, split optimism, comparison, page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes import agreement, change
from ml_assets.engine.recipes.candidate import (
    TRIVIAL,
    calibrate_spec,
    family_module,
    family_modules,
    fit_spec,
)
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.made_from import judged_folds
from ml_assets.engine.recipes.previous import digest_of
from ml_assets.engine.recipes.splits import FOLDS, feature_inputs
from ml_assets.engine.sensitive import Seen, sensitive_inputs, undeclared
from ml_assets.engine.session import Done, Made, Session
from ml_assets.keys.action import Action, Input
from ml_assets.spec.intervals import CoverageSpec
from ml_assets.spec.model import EvaluateSpec, ExplainSpec, OptimismSpec, ReportSpec
from ml_assets.spec.project import Project
from ml_assets.spec.protected import ProtectedSpec
from ml_assets.workspace import Workspace

_PARTS = ("evaluate", "explain", "optimism", "report")
STAGES = (*(f"ml_assets.stages.evaluate.{name}" for name in _PARTS), change.STAGE)
"""The stages of a report, in data-flow order."""
COVERAGE = "ml_assets.stages.evaluate.coverage:coverage"
PROTECTED = "ml_assets.stages.evaluate.protected:protected"


def evaluate_spec(project: Project, name: str, known: Seen | None = None) -> EvaluateSpec:
    """Return the part of a model's spec that its report depends on.

    `known` are the columns that its features were seen to equal, empty if not inspected.
    """
    known = known or {}
    model = project.models[name]
    return EvaluateSpec(
        model=name,
        description=model.description,
        task=model.task,
        metric=model.training.metric,
        target=model.target,
        target_unit=model.target_unit,
        predict_at=model.predict_at,
        time=project.datasets[model.dataset].time,
        columns=model.features.columns,
        evaluation=model.evaluation,
        seed=model.training.seed,
        sensitive=sensitive_inputs(project, name, known),
        undeclared=undeclared(project, name, known),
        acknowledged=model.features.leakage.acknowledged,
    )


def coverage_spec(project: Project, name: str, known: Seen | None = None) -> CoverageSpec:
    """Return what measuring the coverage of a model's intervals depends on; `known` as above."""
    evaluated = evaluate_spec(project, name, known)
    asked = evaluated.evaluation
    limits = calibrate_spec(project, name, known)
    names = dict.fromkeys([*asked.slices, *limits.by])
    return CoverageSpec(
        **dict(limits),
        level=asked.intervals.level,
        resamples=asked.intervals.resamples,
        block=asked.intervals.block,
        slices=tuple(column for column in names if column not in evaluated.sensitive),
        seed=evaluated.seed,
    )


def protected_spec(project: Project, name: str, known: Seen | None = None) -> ProtectedSpec:
    """Return what comparing a model's protected groups depends on; `known` as above."""
    evaluated = evaluate_spec(project, name, known)
    asked = evaluated.evaluation
    return ProtectedSpec(
        task=evaluated.task,
        metric=evaluated.metric,
        columns=asked.protected,
        sensitive=tuple(column for column in asked.protected if column in evaluated.sensitive),
        level=asked.intervals.level,
        resamples=asked.intervals.resamples,
        block=asked.intervals.block,
        seed=evaluated.seed,
    )


def role_of(session: Session, made: Made, role: str) -> str | None:
    """Return the chosen family or the best baseline, of this candidate or else the last one."""
    if role in made.facts:
        return str(made.facts[role])
    before: str | None = session.held(made.cell).facts.get(role)
    return before


def _digest_of(session: Session, made: Made) -> str | None:
    """Return the digest of this candidate, or else of the last one."""
    before = session.current.get((made.cell.asset, made.cell.partition))
    return digest_of(made) or (None if before is None else before.digest)


def evaluation_report_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's report."""
    metrics = project.models[name].evaluation.metrics.values()
    own = [workspace.hook(name, hook).split(":")[0] for hook in metrics if hook is not None]
    specs: list[BaseModel] = [evaluate_spec(project, name)]
    if project.models[name].prediction_intervals is not None:
        own.append(COVERAGE.partition(":")[0])
        specs.append(coverage_spec(project, name))
    if project.models[name].evaluation.protected:
        own.append(PROTECTED.partition(":")[0])
        specs.append(protected_spec(project, name))
    return Versioned([*STAGES, *own, *family_modules(project, workspace, name)], specs)


def evaluation_report(session: Session, unit: Unit) -> Sequence[Made]:
    """Evaluate the candidate and the trivial baselines on test, and write the report."""
    (cell,) = unit.cells()
    made = session.upstream(Cell(f"{unit.group}/candidate"))
    folds, waits = judged_folds(session, unit, made)
    if waits is not None or made.waiting is not None:
        return [Made(cell, {}, {}, waiting=made.waiting or f"{unit.group} waits: {waits}")]
    waits = agreement.of_candidate(session, unit, made, folds)
    if waits is not None:
        return [Made(cell, {}, {}, waiting=f"{unit.group} waits: {waits}")]
    references: dict[str, Input] = {fold: folds[fold].outputs[fold] for fold in FOLDS}
    tested = feature_inputs(session, unit, [folds["test"]])
    # The longest last, as `each` expects.
    actions = [
        _optimism(session, unit, made, folds, references),
        _explained(session, unit, made, references, tested),
        _evaluated(session, unit, made, references, tested),
    ]
    asked = session.project.models[unit.group].prediction_intervals
    if asked is not None and "limits" in made.outputs:
        actions.insert(0, _covered(session, unit, made, references, tested))
    if session.project.models[unit.group].evaluation.protected:
        actions.insert(0, _by_group(session, unit, made, references, tested))
    parts = zip(actions, session.each(unit, actions), strict=True)
    done = {action.part: one for action, one in parts}
    chosen = _module(session, unit, role_of(session, made, "chosen"))
    hooks = {} if chosen is None else {"family": chosen}
    predictions = done["evaluate"].outputs["predictions"]
    done["change"] = change.changed(session, unit, made, folds, predictions, hooks)
    params = evaluate_spec(session.project, unit.group, seen_of(session, unit.group))
    said: dict[str, Input] = {
        "metrics": done["evaluate"].outputs["metrics"],
        "sections": done["evaluate"].outputs["sections"],
        "explained": done["explain"].outputs["explained"],
        "optimism": done["optimism"].outputs["optimism"],
        "change": done["change"].outputs["change"],
    }
    if "coverage" in done:
        said["coverage"] = done["coverage"].outputs["coverage"]
    if "protected" in done:
        said["protected"] = done["protected"].outputs["protected"]
    dummy = "dummy" in made.facts
    page = ReportSpec(**dict(params), candidate=_digest_of(session, made), dummy=dummy)
    stage = "ml_assets.stages.evaluate.report:report"
    (done["report"],) = session.each(unit, [Action("report", stage, page, {**said, **references})])
    checks = {
        entry.name: session.act(
            unit, Action(f"check:{entry.name}", entry.stage, params, {"metrics": said["metrics"]})
        )
        for entry in checks_of("evaluation_report")
    }
    outputs: dict[str, Any] = {
        "predictions": predictions,
        **said,
        "report": done["report"].outputs["report"],
        "plots": done["report"].outputs["plots"],
    }
    facts: dict[str, Any] = {}
    if isinstance(done["evaluate"], Done):
        digest = done["evaluate"].outputs["metrics"].digest
        facts = {"metrics": session.home.objects.json(digest)}
    return [Made(cell, outputs, done, checks, facts)]


def _module(session: Session, unit: Unit, name: str | None) -> str | None:
    families = session.project.models[unit.group].training.families
    if name not in families:
        return None
    return family_module(session.workspace, unit.group, families[name])


def _evaluated(
    session: Session, unit: Unit, made: Made, references: dict[str, Input], tested: Input
) -> Action:
    model = session.project.models[unit.group]
    others = {
        output.removeprefix(TRIVIAL): ref
        # Sorted, since a record does not keep the order in a recipe.
        for output, ref in sorted(made.outputs.items())
        if output.startswith(TRIVIAL) and output.removeprefix(TRIVIAL) in model.training.families
    }
    hooks: dict[str, Any] = {
        "metrics": {
            name: session.workspace.hook(unit.group, hook)
            for name, hook in model.evaluation.metrics.items()
            if hook is not None
        },
        "other_families": {
            name: family_module(session.workspace, unit.group, model.training.families[name])
            for name in others
        },
    }
    for hook, role in (("family", "chosen"), ("baseline_family", "baseline")):
        module = _module(session, unit, role_of(session, made, role))
        if module is not None:
            hooks[hook] = module
    inputs: dict[str, Input] = {
        "model": made.outputs["model"],
        "leaderboard": made.outputs["leaderboard"],
        "baseline": made.outputs["baseline"],
        "others": dict(others),
        "test": references["test"],
        "features": tested,
    }
    params = evaluate_spec(session.project, unit.group, seen_of(session, unit.group))
    stage = "ml_assets.stages.evaluate.evaluate:evaluate"
    return Action("evaluate", stage, params, inputs, hooks)


def _covered(
    session: Session, unit: Unit, made: Made, references: dict[str, Input], tested: Input
) -> Action:
    """Return the action that measures the coverage of the candidate's intervals on test."""
    module = _module(session, unit, role_of(session, made, "chosen"))
    inputs: dict[str, Input] = {
        "model": made.outputs["model"],
        "limits": made.outputs["limits"],
        "test": references["test"],
        "features": tested,
    }
    params = coverage_spec(session.project, unit.group, seen_of(session, unit.group))
    return Action("coverage", COVERAGE, params, inputs, {"family": module} if module else {})


def _by_group(
    session: Session, unit: Unit, made: Made, references: dict[str, Input], tested: Input
) -> Action:
    """Return the action that compares protected groups on test."""
    module = _module(session, unit, role_of(session, made, "chosen"))
    inputs: dict[str, Input] = {
        "model": made.outputs["model"],
        "test": references["test"],
        "features": tested,
    }
    params = protected_spec(session.project, unit.group, seen_of(session, unit.group))
    return Action("protected", PROTECTED, params, inputs, {"family": module} if module else {})


def _explained(
    session: Session, unit: Unit, made: Made, references: dict[str, Input], tested: Input
) -> Action:
    module = _module(session, unit, role_of(session, made, "chosen"))
    training = session.project.models[unit.group].training
    params = ExplainSpec(
        metric=training.metric,
        sensitive=sensitive_inputs(session.project, unit.group, seen_of(session, unit.group)),
        seed=training.seed,
    )
    inputs: dict[str, Input] = {
        "model": made.outputs["model"],
        "test": references["test"],
        "features": tested,
    }
    stage = "ml_assets.stages.evaluate.explain:explain"
    hooks = {"family": module} if module else {}
    return Action("explain", stage, params, inputs, hooks)


def _optimism(
    session: Session,
    unit: Unit,
    made: Made,
    folds: Mapping[str, Made],
    references: dict[str, Input],
) -> Action:
    model = session.project.models[unit.group]
    name = role_of(session, made, "chosen")
    module = _module(session, unit, name)
    # Before the first candidate the action is pending, whatever its family.
    known = name if name in model.training.families else next(iter(model.training.families))
    inputs: dict[str, Input] = {
        "model": made.outputs["model"],
        **references,
        "features": feature_inputs(session, unit, [folds[fold] for fold in FOLDS]),
    }
    params = OptimismSpec(fit=fit_spec(model, str(known)))
    stage = "ml_assets.stages.evaluate.optimism:optimism"
    hooks = {"family": module} if module else {}
    return Action("optimism", stage, params, inputs, hooks)
