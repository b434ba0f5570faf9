"""A batch of a model's features, and its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine import sensitive
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.lazy import Later
from ml_assets.engine.recipes.dataset import clean_spec, cleaned_of, own_check
from ml_assets.engine.recipes.scorer import pins_of
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.keys.action import Action, Input
from ml_assets.spec.model import Age, AgesSpec, FeaturesSpec, Join, ModelSpec, MomentsSpec
from ml_assets.spec.project import Project
from ml_assets.workspace import Workspace

AGE, LEAKAGE = "join_age", "join_leakage"
"""Checks of the joined rows' times; the first also says whether a batch may be used."""


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
        # When their rows are known changes no feature.
        joins=tuple(Join(dataset=join.dataset, previous=join.previous) for join in model.joins),
        previous=model.previous,
        key=dataset.key,
        time=dataset.time,
        target=model.target,
        task=model.task,
        weight=model.weight,
        slices=tuple(
            name
            for name in dict.fromkeys([*model.evaluation.slices, *model.evaluation.protected])
            if name not in model.features.columns
        ),
        columns=model.features.columns,
        group=model.split.group if model.split.kind == "hash" else (),
        looked=sensitive.looked(project, name),
        inputs=project.inputs(name),
    )


def features_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's features."""
    modules = [hook.split(":")[0] for hook in function_of(project, workspace, name).values()]
    return Versioned(["ml_assets.stages.features", *modules], [features_spec(project, name)])


def function_of(project: Project, workspace: Workspace, name: str) -> dict[str, str]:
    """Return a model's function; nothing where its features are columns of the dataset."""
    function = project.models[name].features.function
    return {} if function is None else {"hook": workspace.hook(name, function)}


def seen_of(session: Session, name: str) -> sensitive.Seen:
    """Return the columns that a model's features were seen to equal, if that matters."""
    if not sensitive.looked(session.project, name):
        return {}
    dataset = session.project.models[name].dataset
    batches = session.batches(dataset) if session.project.datasets[dataset].calendar else [""]
    cells = (session.upstream(Cell(f"{name}/features", batch)) for batch in batches)
    return sensitive.agreed(made.facts for made in cells)


def features(session: Session, unit: Unit) -> Sequence[Made]:
    """Make the features of one batch."""
    (cell,) = unit.cells()
    model = session.project.models[unit.group]
    params = features_spec(session.project, unit.group)
    inputs, waits = inputs_of(session, unit, params, model.joins)
    if waits:
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {'; '.join(waits)}")]
    main = cleaned_of(session, params.dataset, unit.partition)
    hooks = function_of(session.project, session.workspace, unit.group)
    made = session.act(unit, features_action(session, unit.group, inputs))
    known = {**inputs, "features": made.outputs["features"]}
    ages = _ages(session, unit, inputs)
    checks = Later(lambda: _feature_checks(session, unit, params, known, hooks) | ages)
    facts = {"usable": main.facts.get("usable", True)} | _made_up(session, unit, model, main)
    for done in ages.values():
        if isinstance(done, Done) and done.record.facts["refused"] is not None:
            facts |= {"usable": False, "refused": done.record.facts["refused"]}
    if params.looked and isinstance(made, Done):
        facts[sensitive.FACT] = made.record.facts[sensitive.FACT]
    outputs = {"features": made.outputs["features"]}
    built = Made(cell, outputs, {"features": made}, checks, facts)
    return [replace(built, pins=pins_of(session, built))]


def _made_up(session: Session, unit: Unit, model: ModelSpec, main: Made) -> dict[str, Any]:
    """Return the fact that rows of the batch, or of one joined to it, are made up, if they are."""
    joined = (_joined(session, unit, join) for join in model.joins)
    return {"dummy": True} if any("dummy" in made.facts for made in (main, *joined)) else {}


def inputs_of(
    session: Session, unit: Unit, spec: FeaturesSpec, joins: Sequence[Join]
) -> tuple[dict[str, Input], list[str]]:
    """Return the tables that the features of a batch are computed from, and what they wait for."""
    main = cleaned_of(session, spec.dataset, unit.partition)
    around, waits = joined_of(session, unit, spec, joins)
    waits = waits if main.waiting is None else [main.waiting, *waits]
    return ({}, waits) if waits else ({"main": main.outputs["cleaned"], **around}, [])


def joined_of(
    session: Session, unit: Unit, spec: FeaturesSpec, joins: Sequence[Join]
) -> tuple[dict[str, Input], list[str]]:
    """Return the tables that a batch's rows are joined with, and what they wait for."""
    joined = {join.dataset: _joined(session, unit, join) for join in joins}
    waits = [made.waiting for made in joined.values() if made.waiting is not None]
    if waits:
        return {}, waits
    counts = [(spec.dataset, spec.previous), *((join.dataset, join.previous) for join in joins)]
    return {
        "joins": {name: made.outputs["cleaned"] for name, made in joined.items()},
        "previous": {
            name: _previous(session, name, unit.partition, count) for name, count in counts if count
        },
    }, []


def features_action(session: Session, name: str, inputs: Mapping[str, Input]) -> Action:
    """Return the action that computes a model's features from tables."""
    params = features_spec(session.project, name)
    hooks = function_of(session.project, session.workspace, name)
    return Action("features", "ml_assets.stages.features:features", params, inputs, hooks)


def _feature_checks(
    session: Session,
    unit: Unit,
    params: FeaturesSpec,
    known: Mapping[str, Input],
    hooks: Mapping[str, str],
) -> dict[str, Done | Undone]:
    model = session.project.models[unit.group]
    entries = [entry for entry in checks_of("features", model) if entry.name != AGE]
    moments = _moments_spec(session.project, params)
    tries = [
        Action(
            f"check:{entry.name}",
            entry.stage,
            moments if entry.name == LEAKAGE else params,
            {name: known[name] for name in entry.inputs},
            hooks if "main" in entry.inputs else {},
        )
        for entry in entries
    ]
    names = [entry.name for entry in entries]
    checks = dict(zip(names, session.each(unit, tries), strict=True))
    for name, hook in model.checks.items():
        checks[name] = own_check(session, unit, name, hook, known["features"])
    return checks


def _joined(session: Session, unit: Unit, join: Join) -> Made:
    """Return the joined batch; without rows where it has not landed and need not have."""
    made = cleaned_of(session, join.dataset, unit.partition)
    dataset = session.project.datasets[join.dataset]
    landings, out = session.landings(join.dataset, unit.partition if dataset.calendar else "")
    if made.waiting is None or join.stale == "refuse" or landings or out is not None:
        return made
    params = clean_spec(session.project, join.dataset)
    empty = session.act(
        unit, Action(f"none:{join.dataset}", "ml_assets.stages.withdraw:withdrawn", params)
    )
    return Made(made.cell, empty.outputs, {})


def _moments_spec(project: Project, params: FeaturesSpec) -> MomentsSpec:
    joins = {join.dataset: join for join in project.models[params.model].joins}
    moments = {name: join.at for name, join in joins.items() if join.at is not None}
    times = {name: str(project.datasets[name].time) for name in moments}
    return MomentsSpec(**dict(params), moments=moments, times=times)


def _ages(session: Session, unit: Unit, inputs: Mapping[str, Input]) -> dict[str, Done | Undone]:
    """Hold the age of joined rows against its limit, where there is one."""
    project = session.project
    limited = {
        join.dataset: Age(
            at=join.at or "",
            time=project.datasets[join.dataset].time or "",
            max_age=join.max_age,
            stale=join.stale,
        )
        for join in project.models[unit.group].joins
        if join.max_age is not None
    }
    (entry,) = (entry for entry in checks_of("features") if entry.name == AGE)
    if not limited:
        return {}
    params = AgesSpec(model=unit.group, joins=limited)
    given = {name: inputs[name] for name in entry.inputs}
    return {AGE: session.act(unit, Action(f"check:{AGE}", entry.stage, params, given))}


def _previous(session: Session, dataset: str, partition: str, count: int) -> list[Input]:
    """Return the cleaned tables of the previous usable batches, oldest first."""
    inputs: list[Input] = []
    for batch in reversed(session.before(dataset, partition)):
        if len(inputs) == count:
            break
        made = cleaned_of(session, dataset, batch)
        if made.waiting is None and made.facts.get("usable", True):
            inputs.append(made.outputs["cleaned"])
    return inputs[::-1]
