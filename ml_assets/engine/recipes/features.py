"""A batch of a model's features, and its checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine import sensitive
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.lazy import Later
from ml_assets.engine.recipes.dataset import cleaned_of, own_check
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.keys.action import Action, Input
from ml_assets.spec.model import (
    FeaturesSpec,
)
from ml_assets.spec.project import Project
from ml_assets.workspace import Workspace


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
        inputs=project.inputs(name),
    )


def features_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's features."""
    modules = [hook.split(":")[0] for hook in _hooks(project, workspace, name).values()]
    return Versioned(["ml_assets.stages.features", *modules], [features_spec(project, name)])


def _hooks(project: Project, workspace: Workspace, name: str) -> dict[str, str]:
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
    hooks = _hooks(session.project, session.workspace, unit.group)
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
    """Return the cleaned tables of the previous usable batches, oldest first."""
    found: list[Input] = []
    for batch in reversed(session.before(dataset, partition)):
        if len(found) == count:
            break
        made = cleaned_of(session, dataset, batch)
        if made.waiting is None and made.facts.get("usable", True):
            found.append(made.outputs["cleaned"])
    return found[::-1]
