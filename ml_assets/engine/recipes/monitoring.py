"""The monitoring report of a batch: which rows and which model.

Belongs here: the batch's predictions, what came before, the challenger's. Does not belong here:
comparing and measuring (`watching`), the requests of a day (`asked`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from ml_assets.assets.cells import Cell, Unit, unit_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes.candidate import family_modules
from ml_assets.engine.recipes.dataset import cleaned_of
from ml_assets.engine.recipes.monitored import (
    known_spec,
    monitor_spec,
    realized_spec,
    shift_spec,
)
from ml_assets.engine.recipes.requests_report import asked_spec, day_report
from ml_assets.engine.recipes.watching import MONITOR, Before, Report, begun, reported
from ml_assets.engine.session import Made, Session
from ml_assets.keys.action import Input, Pending
from ml_assets.spec.monitored import AskedSpec
from ml_assets.spec.project import Project
from ml_assets.store.objects import Ref
from ml_assets.workspace import Workspace

PARTS = ("known", "shift", "realized", "expected", "report")


def monitoring_report_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of monitoring reports."""
    stages = [f"{MONITOR}.{part}" for part in PARTS]
    asked: tuple[AskedSpec, ...] = ()
    if name in project.requests:
        unit, name = Unit(name, "monitoring_report"), project.requests[name]
        stages.append(f"{MONITOR}.asked")
        asked = (asked_spec(project, name),)
    else:
        unit = Unit(name, "monitoring_report")
    columns = project.models[name].features.columns
    specs = (
        known_spec(project, name, columns, {}),
        shift_spec(project, name, columns, {}, ""),
        realized_spec(project, name, {}),
        monitor_spec(project, name, unit, "", "", {}),
        *asked,
    )
    return Versioned([*stages, *family_modules(project, workspace, name)], specs)


def monitoring_report(session: Session, unit: Unit) -> Sequence[Made]:
    """Report on one batch that was predicted; a batch without predictions has no report."""
    if unit.group in session.project.requests:
        return day_report(session, unit)
    (cell,) = unit.cells()
    predictions = Cell(f"{unit.group}/predictions", unit.partition)
    made = _made(session, predictions)
    if made is None:
        return []
    if made.waiting is not None:
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {made.waiting}")]
    parts = _outputs(session, made)
    features = session.upstream(Cell(f"{unit.group}/features", unit.partition))
    model, version = unit.group, str(made.facts["scorer"])
    try:
        report = begun(session, unit, model, version, str(made.facts["candidate"]))
    except ValidationError as error:
        said = f"the specs of {version} are of another version of ml_assets: {error}"
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {said}")]
    own = parts.get("features")
    report.given = {
        "inputs": parts["inputs"]["inputs"],
        "features": (features.outputs if own is None else own)["features"],
        "predictions": made.outputs["predictions"],
    }
    report.late_days = _late(session, unit)
    report.rival, report.challenger = _rival(report)
    if own is None:
        report.before = _preceding(session, unit)
        why = "there is no usable batch before"
    else:
        why = f"{version} has other features than the current model"
    if report.before is None:
        report.lacking["drift against the batch before"] = why
    return [reported(report)]


def _made(session: Session, cell: Cell) -> Made | None:
    """Return predictions of a batch, None if there are to be none."""
    if not session.recurses:
        found = session.held(cell)
        return None if found.waiting is not None else found
    return session.make(unit_of(cell)).get(cell)


def _outputs(session: Session, made: Made) -> Mapping[str, Mapping[str, Ref | Pending]]:
    """Return the outputs of the actions behind a batch's predictions, by part."""
    if made.actions:
        return {part: action.outputs for part, action in made.actions.items()}
    records = session.home.records
    held = records.current(session.home.env, made.cell.asset, made.cell.partition)
    assert held is not None, f"{made.cell} has no record"
    actions = {part: records.action(key) for part, key in held.actions.items()}
    return {part: record.outputs for part, record in actions.items() if record is not None}


def _preceding(session: Session, unit: Unit) -> Before | None:
    """Return the features of the usable batch before."""
    dataset = session.project.models[unit.group].dataset
    if session.project.datasets[dataset].calendar is None:
        return None
    for batch in reversed(session.before(dataset, unit.partition)):
        made = session.upstream(Cell(f"{unit.group}/features", batch))
        if made.waiting is None and made.facts.get("usable", True):
            return Before(batch, made.outputs["features"])
    return None


def _rival(report: Report) -> tuple[Input, str]:
    """Return how far the challenger's predictions are from these, and its version."""
    session, unit = report.session, report.unit
    if not session.project.models[unit.group].predictions.challenger:
        return None, ""
    made = _made(session, Cell(f"{unit.group}/challenger_predictions", unit.partition))
    parts = {} if made is None or made.waiting is not None else _outputs(session, made)
    if made is None or "disagreement" not in parts:
        report.lacking["difference from the challenger"] = "no challenger predicted the batch"
        return None, ""
    return parts["disagreement"]["disagreement"], str(made.facts["scorer"])


def _late(session: Session, unit: Unit) -> float | None:
    """Return the days from a batch's first file to the one in use."""
    dataset = session.project.models[unit.group].dataset
    calendar = session.project.datasets[dataset].calendar
    landings, _ = session.landings(dataset, "" if calendar is None else unit.partition)
    facts = cleaned_of(session, dataset, unit.partition).facts
    used = facts.get("follows", facts.get("landing"))
    times = [datetime.fromisoformat(one.landed) for one in landings if one.digest == used]
    if not times:
        return None
    first = datetime.fromisoformat(landings[-1].landed)
    return round((times[-1] - first).total_seconds() / 86_400, 3)
