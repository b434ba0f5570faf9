"""A model's units: features by batch, splits, candidate, evaluation report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine import sensitive
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.lazy import Later
from ml_assets.engine.recipes.dataset import cleaned_of, own_check
from ml_assets.engine.recipes.previous import pins_of
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.keys import fields
from ml_assets.keys.action import Action, Input, Pending
from ml_assets.keys.families import FAMILIES
from ml_assets.spec.families import BASELINES, Custom
from ml_assets.spec.model import (
    ChooseSpec,
    FeaturesSpec,
    FitSpec,
    LeakageSpec,
    ModelSpec,
)
from ml_assets.spec.project import Project
from ml_assets.spec.split import SplitRule
from ml_assets.store.objects import Ref
from ml_assets.workspace import Workspace

FOLDS = ("train", "validation", "test")
TRIVIAL = "baseline:"
"""Before a trivial family's name, the name of its model among a candidate's outputs."""
ASSIGNMENT = "train_assignment"
"""The output of a stratified `train_split` that says which fold each row was given."""


def features_spec(project: Project, name: str) -> FeaturesSpec:
    """Return the part of a model's spec that its features depend on."""
    model = project.models[name]
    dataset = project.datasets[model.dataset]
    known = dataset.known_at(model.predict_at) if model.predict_at else tuple(dataset.columns)
    last = dataset.moments[-1] if dataset.moments else ""
    withheld = {c: dataset.columns[c].known_at or last for c in dataset.columns if c not in known}
    return FeaturesSpec(
        model=name,
        dataset=model.dataset,
        known=known,
        withheld=withheld,
        predict_at=model.predict_at,
        joins=model.joins,
        previous=model.previous,
        key=dataset.key,
        time=dataset.time,
        target=model.target,
        task=model.task,
        weight=model.weight,
        slices=tuple(s for s in model.evaluation.slices if s not in model.features.columns),
        columns=model.features.columns,
        group=model.split.group if model.split.kind == "hash" else (),
        looked=sensitive.looked(project, name),
    )


def features_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return what the code version of a model's features is made of."""
    hook = workspace.hook(name, project.models[name].features.function).split(":")[0]
    return Versioned(["ml_assets.stages.features", hook], [features_spec(project, name)])


def seen_of(session: Session, name: str) -> sensitive.Seen:
    """Return the columns that the features of a model were seen to be, where that matters."""
    if not sensitive.looked(session.project, name):
        return {}
    dataset = session.project.models[name].dataset
    batches = session.batches(dataset) if session.project.datasets[dataset].calendar else [""]
    cells = (session.upstream(Cell(f"{name}/features", batch)) for batch in batches)
    return sensitive.agreed(made.facts for made in cells)


def features(session: Session, unit: Unit) -> Sequence[Made]:
    """Make the features of one batch."""
    model = session.project.models[unit.group]
    (cell,) = unit.cells()
    main = cleaned_of(session, model.dataset, unit.partition)
    joined = {j.dataset: cleaned_of(session, j.dataset, unit.partition) for j in model.joins}
    waits = [made.waiting for made in (main, *joined.values()) if made.waiting is not None]
    if waits:
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {'; '.join(waits)}")]
    inputs: dict[str, Input] = {
        "main": main.outputs["cleaned"],
        "joins": {name: made.outputs["cleaned"] for name, made in joined.items()},
        "previous": {
            name: _previous(session, name, unit.partition, count)
            for name, count in (
                (model.dataset, model.previous),
                *((join.dataset, join.previous) for join in model.joins),
            )
            if count
        },
    }
    params = features_spec(session.project, unit.group)
    hooks = {"hook": session.workspace.hook(unit.group, model.features.function)}
    made = session.act(
        unit, Action("features", "ml_assets.stages.features:features", params, inputs, hooks)
    )
    known = {**inputs, "features": made.outputs["features"]}
    checks = Later(lambda: _feature_checks(session, unit, params, known, hooks))
    facts = {"usable": main.facts.get("usable", True)}
    if params.looked and isinstance(made, Done):
        facts[sensitive.FACT] = made.record.facts[sensitive.FACT]
    outputs = {"features": made.outputs["features"]}
    return [Made(cell, outputs, {"features": made}, checks, facts)]


def _feature_checks(
    session: Session,
    unit: Unit,
    params: FeaturesSpec,
    known: Mapping[str, Input],
    hooks: Mapping[str, str],
) -> dict[str, Done | Undone]:
    entries = checks_of("features")
    tries = [
        Action(
            f"check:{entry.name}",
            entry.stage,
            params,
            {name: known[name] for name in entry.inputs},
            hooks if "main" in entry.inputs else {},
        )
        for entry in entries
    ]
    names = [entry.name for entry in entries]
    checks = dict(zip(names, session.each(unit, tries), strict=True))
    for name, hook in session.project.models[unit.group].checks.items():
        checks[name] = own_check(session, unit, name, hook, known["features"])
    return checks


def _previous(session: Session, dataset: str, partition: str, count: int) -> list[Input]:
    """Return the cleaned tables of the usable batches before, oldest first."""
    found: list[Input] = []
    for batch in reversed(session.before(dataset, partition)):
        if len(found) == count:
            break
        made = cleaned_of(session, dataset, batch)
        if made.waiting is None and made.facts.get("usable", True):
            found.append(made.outputs["cleaned"])
    return found[::-1]


def splits_code(project: Project, _: Workspace, name: str) -> Versioned:
    """Return what the code version of a model's folds is made of."""
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
    found = {b: session.upstream(Cell(f"{unit.group}/features", b)) for b in batches}
    usable: dict[str, Input] = {
        b: made.outputs["features"]
        for b, made in found.items()
        if made.waiting is None and made.facts.get("usable", True)
    }
    refused = [b for b, made in found.items() if made.facts.get("usable") is False]
    held = f"refused or withdrawn: {', '.join(refused)}; on_refused is hold" if refused else None
    if model.on_refused == "hold" and held is not None:
        return [Made(cell, {}, {}, waiting=held) for cell in unit.cells()]
    needed = [model.dataset, *(join.dataset for join in model.joins)]
    missed = [b for b, made in found.items() if session.missed(made, needed)]
    if missed:
        why = f"features of {', '.join(missed)} are missing: their run failed or is still to come"
        return [Made(cell, {}, {}, waiting=f"{unit.group} waits: {why}") for cell in unit.cells()]
    params = split_rule(unit.group, model)
    stage = f"ml_assets.stages.split.{model.split.kind}:split"
    action = Action("split", stage, params, {"features": usable})
    stratified = model.split.kind == "hash" and model.split.stratify
    if stratified:
        action = _with_kept(session, unit, action)
    made = session.act(unit, action)
    given = {**{n: made.outputs[n] for n in (*FOLDS, "summary")}, "features": usable}
    checks = Later(lambda: _split_checks(session, unit, params, given))
    facts = {"excluded": refused}
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
    found: dict[str, Done | Undone] = {}
    for entry in checks_of("test_split"):
        inputs = {name: given[name] for name in entry.inputs}
        part, about = f"check:{entry.name}", values if entry.inputs == ("features",) else params
        found[entry.name] = session.act(unit, Action(part, entry.stage, about, inputs))
    return found


def _with_kept(session: Session, unit: Unit, action: Action) -> Action:
    """Return a stratified split with the assignment that the environment holds as its input.

    Of the same rows under the same code it is the action that was made: what that was handed,
    not what it added, or each plan would find another input. Another rule begins anew.
    """
    held = session.current.get((str(unit.cells()[0]), ""))
    if held is None or ASSIGNMENT not in held.outputs:
        return action
    before = session.home.records.action(held.actions["split"])
    if before is None:
        return _handed(action, held.outputs[ASSIGNMENT])
    if before.ingredients["params"] != fields.document(action.params):
        return action
    given = before.ingredients["inputs"].get("kept")
    again = action if given is None else _handed(action, Ref(given, "table"))
    same = session.keyed(again)
    if not same.pending and same.key == before.key:
        return again
    return _handed(action, held.outputs[ASSIGNMENT])


def _handed(action: Action, kept: Ref) -> Action:
    return replace(action, inputs={**action.inputs, "kept": kept})


def folds_of(
    session: Session, unit: Unit, names: Sequence[str] = FOLDS
) -> tuple[dict[str, Made], str | None]:
    """Return folds of a model and why it waits, if it does."""
    found = {name: session.upstream(Cell(f"{unit.group}/{name}_split")) for name in names}
    waits = (made.waiting or made.facts.get("waiting") for made in found.values())
    return found, next((why for why in waits if why), None)


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
    return {
        batch: session.upstream(Cell(f"{unit.group}/features", batch)).outputs["features"]
        for batch in session.project.ordered(unit.group, named)
    }


def family_module(workspace: Workspace, group: str, family: Any) -> str:
    """Return the module of a family, the user's own included."""
    if isinstance(family, Custom):
        return workspace.hook(group, family.module).split(":")[0]
    return FAMILIES[family.family]


def fit_spec(model: ModelSpec, family: str) -> FitSpec:
    """Return the part of a model's spec that fitting a family depends on."""
    return FitSpec(
        task=model.task,
        metric=model.training.metric,
        family=model.training.families[family],
        columns=model.features.columns,
        weighted=model.weight is not None,
        threads=model.training.threads,
        seed=model.training.seed,
    )


def learning(session: Session, unit: Unit) -> tuple[dict[str, Input], str | None]:
    """Return what every family of a model learns from, and why the model waits, if it does."""
    folds, waits = folds_of(session, unit, ("train", "validation"))
    if waits is not None:
        return {}, f"{unit.group} waits: {waits}"
    inputs = {fold: folds[fold].outputs[fold] for fold in ("train", "validation")}
    batches = feature_inputs(session, unit, [folds["train"], folds["validation"]])
    return {**inputs, "features": batches}, None


def fit_action(
    workspace: Workspace, group: str, model: ModelSpec, name: str, inputs: Mapping[str, Input]
) -> Action:
    """Return the action that fits one family of a model."""
    return Action(
        f"fit:{name}",
        "ml_assets.stages.train.fit:fit",
        fit_spec(model, name),
        inputs,
        {"family": family_module(workspace, group, model.training.families[name])},
    )


def candidate_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return what the code version of a model's candidate is made of."""
    training = project.models[name].training
    stages = [f"ml_assets.stages.train.{part}" for part in ("fit", "choose", "refit")]
    fits = [fit_spec(project.models[name], family) for family in training.families]
    return Versioned([*stages, *family_modules(project, workspace, name)], fits)


def family_modules(project: Project, workspace: Workspace, name: str) -> list[str]:
    """Return the module of each of a model's families."""
    families = project.models[name].training.families.values()
    return [family_module(workspace, name, family) for family in families]


def candidate(session: Session, unit: Unit) -> Sequence[Made]:
    """Fit every family, choose on validation, refit the chosen one."""
    inputs, waits = learning(session, unit)
    if waits is not None:
        return [Made(cell, {}, {}, waiting=waits) for cell in unit.cells()]
    made = candidate_of(session, unit, session.project.models[unit.group], inputs)
    return [replace(made, pins=pins_of(session, made))]


def candidate_of(
    session: Session, unit: Unit, model: ModelSpec, inputs: Mapping[str, Input]
) -> Made:
    """Make the candidate of a model as a spec says, from given rows."""
    (cell,) = unit.cells()
    fits = [
        fit_action(session.workspace, unit.group, model, name, inputs)
        for name in model.training.families
    ]
    done = _done(session, unit, fits)
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
        return Made(cell, outputs | _trivial(baselines, done), done)
    board = session.home.objects.json(choice.outputs["leaderboard"].digest)
    outputs = {"leaderboard": choice.outputs["leaderboard"], **_trivial(baselines, done)}
    roles = {"baseline": board["baseline"], "model": board["chosen"]}
    if model.training.refit != "none":
        refits = [
            _refit_action(session, unit, model, name, inputs, done)
            for name in dict.fromkeys(roles.values())
        ]
        done |= _done(session, unit, refits)
    part = "fit" if model.training.refit == "none" else "refit"
    outputs |= {role: done[f"{part}:{name}"].outputs["model"] for role, name in roles.items()}
    facts = {key: board[key] for key in ("metric", "chosen", "baseline", "families")}
    return Made(cell, outputs, done, facts=facts)


def _trivial(names: Sequence[str], done: Mapping[str, Done | Undone]) -> dict[str, Any]:
    """Return every trivial baseline as fitted on train, for the report."""
    return {f"{TRIVIAL}{name}": done[f"fit:{name}"].outputs["model"] for name in names}


def _done(session: Session, unit: Unit, actions: Sequence[Action]) -> dict[str, Done | Undone]:
    """Return independent actions by part, made."""
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
