"""A model's folds, and the inputs that are read through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.lazy import Later
from ml_assets.engine.recipes import agreement
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.keys import fields
from ml_assets.keys.action import Action, Input, Pending
from ml_assets.spec.model import (
    LeakageSpec,
    ModelSpec,
)
from ml_assets.spec.project import Project
from ml_assets.spec.split import SplitRule
from ml_assets.store.objects import Ref
from ml_assets.workspace import Workspace

FOLDS = ("train", "validation", "test")
AS_OF = "as_of"
"""The fact of folds of an earlier time: the features that they refer to, by batch."""
ASSIGNMENT = "train_assignment"
"""The output of a stratified `train_split` with the fold of each row."""


def splits_code(project: Project, _: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's folds."""
    split = project.models[name].split
    return Versioned([f"ml_assets.stages.split.{split.kind}"], [split])


def splits(session: Session, unit: Unit) -> Sequence[Made]:
    """Make the three folds: references to rows of the usable feature batches."""
    model = session.project.models[unit.group]
    dataset = session.project.datasets[model.dataset]
    batches = session.batches(model.dataset) if dataset.calendar else [""]
    if not batches:
        why = f"nothing has landed for {model.dataset}"
        return [Made(cell, {}, {}, waiting=why) for cell in unit.cells()]
    by_batch = {b: session.upstream(Cell(f"{unit.group}/features", b)) for b in batches}
    usable: dict[str, Input] = {
        b: made.outputs["features"]
        for b, made in by_batch.items()
        if made.waiting is None and made.facts.get("usable", True)
    }
    refused = [b for b, made in by_batch.items() if made.facts.get("usable") is False]
    held = f"refused or withdrawn: {', '.join(refused)}; on_refused is hold" if refused else None
    if model.on_refused == "hold" and held is not None:
        return [Made(cell, {}, {}, waiting=held) for cell in unit.cells()]
    needed = [model.dataset, *(join.dataset for join in model.joins)]
    missed = [b for b, made in by_batch.items() if session.missed(made, needed)]
    if missed:
        why = f"features of {', '.join(missed)} are missing: their run failed or is still to come"
        return [Made(cell, {}, {}, waiting=f"{unit.group} waits: {why}") for cell in unit.cells()]
    params = split_rule(unit.group, model)
    action = split_action(session.project, unit.group, usable)
    stratified = model.split.kind == "hash" and model.split.stratify
    if stratified:
        action = _with_kept(session, unit, action)
    made = session.act(unit, action)
    given = {**{n: made.outputs[n] for n in (*FOLDS, "summary")}, "features": usable}
    checks = Later(lambda: _split_checks(session, unit, params, given))
    facts: dict[str, Any] = {"excluded": refused}
    if any("dummy" in by_batch[batch].facts for batch in usable):
        facts["dummy"] = True
    if isinstance(made, Done):
        facts |= session.home.objects.json(made.outputs["summary"].digest)
    found_folds = []
    for fold, cell in zip(FOLDS, unit.cells(), strict=True):
        outputs = {fold: made.outputs[fold], "summary": made.outputs["summary"]}
        if stratified and fold == "train":
            outputs[ASSIGNMENT] = made.outputs["assignment"]
        own = checks if fold == "test" else {}
        found_folds.append(Made(cell, outputs, {"split": made}, own, facts))
    return found_folds


def split_action(project: Project, name: str, usable: Mapping[str, Input]) -> Action:
    """Return the action that makes a model's folds, without what a stratified one is handed."""
    model = project.models[name]
    stage = f"ml_assets.stages.split.{model.split.kind}:split"
    return Action("split", stage, split_rule(name, model), {"features": usable})


def split_rule(name: str, model: ModelSpec) -> SplitRule:
    """Return the part of a model's spec that its folds depend on."""
    rule = model.split
    shares = rule.kind == "time" and isinstance(rule.test, str)
    days = "day" in (model.evaluation.intervals.block, model.gate.not_worse.block)
    return SplitRule(
        model=name,
        split=rule,
        on_duplicate_key=model.on_duplicate_key,
        block="day" if shares and days else None,
    )


def _split_checks(
    session: Session, unit: Unit, params: SplitRule, given: Mapping[str, Input]
) -> dict[str, Done | Undone]:
    model = session.project.models[unit.group]
    values = LeakageSpec(
        task=model.task,
        columns=model.features.columns,
        acknowledged=model.features.leakage.acknowledged,
    )
    outcomes: dict[str, Done | Undone] = {}
    for entry in checks_of("test_split"):
        inputs = {name: given[name] for name in entry.inputs}
        part, about = f"check:{entry.name}", values if entry.inputs == ("features",) else params
        outcomes[entry.name] = session.act(unit, Action(part, entry.stage, about, inputs))
    return outcomes


def _with_kept(session: Session, unit: Unit, action: Action) -> Action:
    """Return a stratified split whose input is the environment's current assignment.

    For the same rows and code it is the recorded action, with the input that it had and not its
    own result; otherwise each plan would have a new input. Another rule starts from nothing.
    """
    held = session.current.get((str(unit.cells()[0]), ""))
    if held is None or ASSIGNMENT not in held.outputs:
        return action
    before = session.home.records.action(held.actions["split"])
    if before is None:
        return handed(action, held.outputs[ASSIGNMENT])
    if before.ingredients["params"] != fields.document(action.params):
        return action
    given = before.ingredients["inputs"].get("kept")
    again = action if given is None else handed(action, Ref(given, "table"))
    same = session.keyed(again)
    if not same.pending and same.key == before.key:
        return again
    return handed(action, held.outputs[ASSIGNMENT])


def handed(action: Action, kept: Ref) -> Action:
    """Return a stratified split that keeps an assignment."""
    return replace(action, inputs={**action.inputs, "kept": kept})


def folds_of(
    session: Session, unit: Unit, names: Sequence[str] = FOLDS
) -> tuple[dict[str, Made], str | None]:
    """Return folds of a model, and why what reads them waits, if it does."""
    folds = {name: session.upstream(Cell(f"{unit.group}/{name}_split")) for name in names}
    waits = (made.waiting or made.facts.get("waiting") for made in folds.values())
    why = next((why for why in waits if why), None)
    return folds, why or agreement.of_folds(session, unit, folds)


def feature_inputs(session: Session, unit: Unit, folds: Sequence[Made]) -> Input:
    """Return the feature batches that folds refer to, in calendar order."""
    if any(isinstance(value, Pending) for made in folds for value in made.outputs.values()):
        cells = {
            c
            for made in folds
            for v in made.outputs.values()
            if isinstance(v, Pending)
            for c in v.cells
        }
        return Pending(tuple(sorted(cells)))
    named = {
        batch
        for made in folds
        for batch in made.facts["batches"][made.cell.name.removesuffix("_split")]
    }
    earlier = {b: ref for made in folds for b, ref in made.facts.get(AS_OF, {}).items()}
    return {
        batch: earlier[batch]
        if earlier
        else session.upstream(Cell(f"{unit.group}/features", batch)).outputs["features"]
        for batch in session.project.ordered(unit.group, named)
    }
