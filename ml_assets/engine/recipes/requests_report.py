"""The monitoring report of a day of requests: of the version that answered most of them.

Belongs here: which tables their features are computed from, and their labels. Does not belong here:
reading the requests (`stages/monitor/requests`), comparing and measuring (`watching`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.recipes.features import (
    features_spec,
    function_of,
    joined_of,
    seen_of,
)
from ml_assets.engine.recipes.monitored import block_of
from ml_assets.engine.recipes.predictions import SCORE, STORED
from ml_assets.engine.recipes.watching import MONITOR, Before, Report, begun, reported
from ml_assets.engine.sensitive import sensitive_inputs
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.history.decisions import candidates
from ml_assets.history.past import params_of
from ml_assets.keys.action import Action, Hooks, Input
from ml_assets.spec.model import FeaturesSpec
from ml_assets.spec.monitored import AnsweredSpec, AnswersSpec, AskedSpec
from ml_assets.spec.predictions import SeenSpec
from ml_assets.spec.project import Project
from ml_assets.stages.counted import counted
from ml_assets.stages.quality.words import listed
from ml_assets.store.objects import Ref

MOST = 3
"""Batches of which requests of a day are compared: those that most rows are of."""
Asked = Mapping[str, Any]


def asked_spec(project: Project, model: str) -> AskedSpec:
    """Return the part of the specs that the batch of a request depends on."""
    dataset = project.datasets[project.models[model].dataset]
    return AskedSpec(calendar=dataset.calendar, time=dataset.time, block=block_of(project, model))


def day_report(session: Session, unit: Unit) -> Sequence[Made]:
    """Report on the requests of a day; a day without any has no report."""
    (cell,) = unit.cells()
    cleaned = session.upstream(Cell(f"{unit.group}/cleaned", unit.partition))
    if cleaned.waiting is not None:
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {cleaned.waiting}")]
    counts = _counts(session, unit, cleaned)
    if isinstance(counts, Undone):
        # What is compared with what is known once they are counted.
        kept = {name: counts.outputs[name] for name in ("figures", "report")}
        return [Made(cell, kept, {"asked": counts})]
    said = _said(session, counts)
    if said["version"] is None:
        return []
    model = session.project.requests[unit.group]
    try:
        report = begun(session, unit, model, said["version"], _digest(session, model, said))
        report.done["asked"], report.asked = counts, counts.outputs["asked"]
        report.blocks = _rounded(said["blocks"])
        waits = _answers(report, cleaned, said)
    except ValidationError as error:
        waits = f"the specs of {said['version']} are of another version of ml_assets: {error}"
    if waits is not None:
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {waits}")]
    _before(report)
    _without_hidden(report)
    return [reported(report)]


def _counts(session: Session, unit: Unit, cleaned: Made) -> Done | Undone:
    params = asked_spec(session.project, session.project.requests[unit.group])
    rows: dict[str, Input] = {"cleaned": cleaned.outputs["cleaned"]}
    return session.act(unit, Action("asked", f"{MONITOR}.requests:asked", params, rows))


def _said(session: Session, counts: Done) -> Asked:
    document: Asked = session.home.objects.json(counts.outputs["asked"].digest)
    return document


def _digest(session: Session, model: str, said: Asked) -> str | None:
    """Return the digest of the candidate that answered; None if it is not known any more."""
    named = {f"v{one.number}": one.digest for one in candidates(session.home, model)}
    return named.get(said["version"])


def _rounded(blocks: int) -> int:
    """Return the least power of two from a number on, so that days share their limits.

    >>> [_rounded(blocks) for blocks in (0, 1, 3, 5, 7)]
    [1, 1, 4, 8, 8]
    """
    return 1 << round(max(blocks - 1, 0).bit_length() if blocks > 1 else 0)


def _answers(report: Report, cleaned: Made, said: Asked) -> str | None:
    """Add the rows with their features and answers to a report; return what they wait for."""
    rows: dict[str, Input] = {"cleaned": cleaned.outputs["cleaned"]}
    parts: dict[str, Input] = {}
    waits = []
    batches = sorted(said["batches"], key=lambda name: (-said["batches"][name], name))
    for batch in batches[:MOST]:
        action, why = _features(report, batch, rows)
        if action is None:
            waits.append(why)
        else:
            parts[batch] = report.act(action)["features"]
    if not parts:
        return "; ".join(waits) or "all of its rows were given as features"
    _left_out(report, said, [name for name in batches if name not in parts])
    columns = AnswersSpec(version=report.version, columns=tuple(report.columns))
    given: dict[str, Input] = {**rows, "features": parts, "seen": _seen(report)}
    outputs = report.act(Action("answers", f"{MONITOR}.requests:answers", columns, given))
    report.given = {name: outputs[name] for name in ("inputs", "features", "predictions")}
    return None


def _features(report: Report, batch: str, rows: Mapping[str, Input]) -> tuple[Action | None, str]:
    """Return the action that computes the features of requests of a batch, or why it waits."""
    session, by = report.session, report.by
    project, model = session.project, report.session.project.models[report.model]
    unit = Unit(report.model, "features", batch)
    spec, function = features_spec(project, report.model), None
    hooks: Mapping[str, Hooks] = function_of(project, session.workspace, report.model)
    inputs: dict[str, Input] = {**rows, "labels": _labels(report, batch)}
    if by is not None:
        spec = FeaturesSpec.model_validate(params_of(by.features))
        function = by.features.ingredients["hooks"].get("hook")
        hooks = {"stored": STORED}
        inputs["sources"] = None if function is None else Ref(by.features.sources, "json")
    today = {join.dataset: join for join in model.joins}
    joins = [today.get(join.dataset, join) for join in spec.joins]
    joined, waits = joined_of(session, unit, spec, joins)
    if waits:
        return None, "; ".join(waits)
    params = AnsweredSpec(
        features=spec,
        function=function,
        asked=asked_spec(project, report.model),
        version=report.version,
        batch=batch,
        columns=project.datasets[model.dataset].columns,
    )
    stage = f"{MONITOR}.requests:features"
    return Action(f"features:{batch}", stage, params, {**inputs, **joined}, hooks), ""


def _labels(report: Report, batch: str) -> Input:
    """Return the features of a batch as it landed, where its rows can be told by a key."""
    session, name = report.session, report.model
    dataset = session.project.models[name].dataset
    spec = session.project.datasets[dataset]
    if not spec.key:
        report.lacking["labels"] = f"{dataset} has no key by which a request and its row are told"
        return None
    kept = session.project.datasets[report.unit.group].columns
    lost = [column for column in spec.key if column not in kept or kept[column].sensitive]
    if lost:
        report.lacking["labels"] = f"{listed(lost)}, of the key of {dataset}, is not kept"
        return None
    if spec.calendar is not None and batch not in session.batches(dataset):
        report.lacking["labels"] = f"{dataset} {batch}".rstrip() + " has not landed"
        return None
    made = session.upstream(Cell(f"{name}/features", batch))
    return None if made.waiting is not None else made.outputs["features"]


def _seen(report: Report) -> Input:
    """Return which rows the version was trained on."""
    by = report.by
    if by is None:
        return None
    trained: dict[str, Input] = {**by.past.folds, "features": dict(by.past.features)}
    params = SeenSpec(model=report.model)
    return report.act(Action("seen", f"{SCORE}.batch:seen", params, trained))["seen"]


def _left_out(report: Report, said: Asked, batches: Sequence[str]) -> None:
    """Say which rows of the day are not compared, and why."""
    others = {name: rows for name, rows in said["versions"].items() if name != report.version}
    if others:
        each = ", ".join(f"{rows:,} by {name}" for name, rows in others.items())
        report.lacking["rows of other versions"] = f"the report is of {report.version}; {each}"
    if said["features"]:
        rows = counted(said["features"], "row")
        report.lacking["rows of features"] = f"{rows} came as features and not as rows"
    if batches:
        rows = counted(sum(said["batches"][name] for name in batches), "row")
        named = listed([name or "no batch" for name in batches])
        report.lacking["rows of other batches"] = f"{rows} of {named}"
    report.lacking["errors of the service"] = (
        "requests without an answer are not kept; /metrics counts them"
    )


def _before(report: Report) -> None:
    """Have the requests of the day before compared too, if the same version answered them."""
    session, unit = report.session, report.unit
    why = "there is no day before"
    for day in reversed(session.before(unit.group, unit.partition)):
        cleaned = session.upstream(Cell(f"{unit.group}/cleaned", day))
        if cleaned.waiting is not None or not cleaned.facts.get("usable", True):
            continue
        then = Unit(unit.group, unit.kind, day)
        counts = _counts(session, then, cleaned)
        if isinstance(counts, Undone):
            break
        said = _said(session, counts)
        if said["version"] != report.version:
            why = f"{day} was answered by {said['version'] or 'no version'}"
            break
        other = Report(session, then, report.model, report.version, report.by, None, report.columns)
        if _answers(other, cleaned, said) is None:
            report.before = Before(day, other.given["features"])
        break
    if report.before is None:
        report.lacking["drift against the day before"] = why


def _without_hidden(report: Report) -> None:
    """Leave out inputs that may come from a sensitive column, since those are not kept."""
    session, name = report.session, report.model
    hidden = set(sensitive_inputs(session.project, name, seen_of(session, name)))
    for column in [column for column in report.columns if column in hidden]:
        report.lacking[f"drift of {column}"] = "it may come from a sensitive column, never kept"
    if hidden & set(report.columns):
        report.tested = None
        report.lacking["estimated metrics"] = "not all inputs are kept"
    report.columns = {n: c for n, c in report.columns.items() if n not in hidden}
