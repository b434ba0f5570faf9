"""The monitoring report of a batch: what it is compared with, and in which order.

Belongs here: which rows, model and code go in. Does not belong here: comparing, measuring
(`stages/monitor`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ml_assets.assets.cells import Cell, Unit, unit_of
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes.candidate import family_modules
from ml_assets.engine.recipes.dataset import cleaned_of
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.monitored import (
    expected_spec,
    known_spec,
    monitor_spec,
    realized_spec,
    shift_spec,
)
from ml_assets.engine.recipes.predictions import STORED
from ml_assets.engine.recipes.scorer import PinnedScorer, scorer
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.history.decisions import candidate_of
from ml_assets.history.evaluated import Evaluated, evaluated
from ml_assets.keys.action import Action, Hooks, Input, Pending
from ml_assets.keys.families import FAMILIES
from ml_assets.spec.model import FeatureColumn
from ml_assets.spec.project import Project
from ml_assets.store.objects import Ref
from ml_assets.workspace import Workspace

MONITOR = "ml_assets.stages.monitor"
PARTS = ("known", "shift", "realized", "expected", "report")


@dataclass
class _Report:
    """What a report is made of, while it is put together."""

    session: Session
    unit: Unit
    version: str
    by: PinnedScorer | None
    tested: Evaluated | None
    columns: Mapping[str, FeatureColumn]
    given: dict[str, Input]
    """`inputs`, `features` and `predictions` of the batch."""
    done: dict[str, Done | Undone] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)

    def act(self, action: Action) -> Mapping[str, Ref | Pending]:
        """Return the outputs of an action, which becomes part of the report."""
        self.done[action.part] = self.session.act(self.unit, action)
        return self.done[action.part].outputs


def monitoring_report_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's monitoring reports."""
    stages = [f"{MONITOR}.{part}" for part in PARTS]
    columns = project.models[name].features.columns
    specs = (
        known_spec(project, name, columns, {}),
        shift_spec(project, name, columns, {}, ""),
        realized_spec(project, name, {}),
        monitor_spec(project, name, "", "", "", {}),
    )
    return Versioned([*stages, *family_modules(project, workspace, name)], specs)


def monitoring_report(session: Session, unit: Unit) -> Sequence[Made]:
    """Report on one batch that was predicted; a batch without predictions has no report."""
    (cell,) = unit.cells()
    predictions = Cell(f"{unit.group}/predictions", unit.partition)
    made = _made(session, predictions)
    if made is None:
        return []
    if made.waiting is not None:
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {made.waiting}")]
    parts = _outputs(session, made)
    features = session.upstream(Cell(f"{unit.group}/features", unit.partition))
    try:
        report = _begun(session, unit, made)
    except ValidationError as error:
        said = f"the specs of {made.facts['scorer']} are of another version of ml_assets: {error}"
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {said}")]
    own = parts.get("features")
    report.given = {
        "inputs": parts["inputs"]["inputs"],
        "features": (features.outputs if own is None else own)["features"],
        "predictions": made.outputs["predictions"],
    }
    if own is not None:
        report.lacking["drift against the batch before"] = (
            f"{report.version} has other features than the model of today"
        )
    return [_reported(report, cell, own is None)]


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


def _begun(session: Session, unit: Unit, made: Made) -> _Report:
    """Return a report on a batch, with what is known of the model that predicted it."""
    model, digest, home = unit.group, str(made.facts["candidate"]), session.home
    by = session.remembered(("scorer", model, digest), lambda: scorer(home, model, digest))
    version = str(made.facts["scorer"])
    columns = session.project.models[model].features.columns
    if by is None:
        why = f"the store has lost the training rows of {version}, such as forgotten ones"
        lacking = {"drift": why, "joint drift": why, "drift of the prediction": why}
        return _Report(session, unit, version, None, None, columns, {}, lacking=lacking)
    columns = {name: FeatureColumn.model_validate(c) for name, c in by.spec["columns"].items()}
    tested = session.remembered(
        ("evaluated", model, digest),
        lambda: evaluated(home, model, candidate_of(home, model, digest)),
    )
    return _Report(session, unit, version, by, tested, columns, {})


def _reported(report: _Report, cell: Cell, alike: bool) -> Made:
    session, unit = report.session, report.unit
    project, name = session.project, unit.group
    hidden = seen_of(session, name)
    given: dict[str, Input] = {
        "shift": _shifted(report, hidden, alike)["shift"],
        "realized": _realized(report, hidden),
        "expected": _expected(report),
        "tested": None if report.tested is None else report.tested.metrics,
        "rival": None,
    }
    given["rival"], challenger = _rival(report)
    said = f"compared with the rows on which {report.version} was trained"
    if report.by is None:
        said = "not compared: the training rows are lost"
    params = monitor_spec(
        project,
        name,
        unit.partition,
        report.version,
        said,
        report.lacking,
        late_days=_late(session, unit),
        challenger=challenger,
    )
    outputs = report.act(Action("report", f"{MONITOR}.report:report", params, given))
    figures: dict[str, Input] = {"figures": outputs["figures"]}
    checks = {
        entry.name: session.act(unit, Action(f"check:{entry.name}", entry.stage, params, figures))
        for entry in checks_of("monitoring_report")
    }
    made = report.done["report"]
    facts = {"monitoring": made.record.facts} if isinstance(made, Done) else {}
    kept = {key: outputs[key] for key in ("figures", "report")}
    return Made(cell, kept, report.done, checks, facts)


def _shifted(report: _Report, hidden: Any, alike: bool) -> Mapping[str, Ref | Pending]:
    """Compare a batch with the training rows and with the batch before."""
    session, unit = report.session, report.unit
    project, name = session.project, unit.group
    by, before = report.by, ""
    known: Mapping[str, Ref | Pending] = {}
    if by is not None:
        rows: dict[str, Input] = {
            **by.past.folds,
            "features": dict(by.past.features),
            "predicted": None if report.tested is None else report.tested.predictions,
        }
        params = known_spec(project, name, report.columns, hidden)
        known = report.act(Action("known", f"{MONITOR}.known:known", params, rows))
    period: Mapping[str, Ref | Pending] = {}
    preceding = _preceding(session, unit) if alike else None
    if preceding is not None:
        before, table = preceding.cell.partition, preceding.outputs["features"]
        params_ = known_spec(project, name, report.columns, hidden).inputs
        given: dict[str, Input] = {"rows": table}
        period = report.act(Action("before", f"{MONITOR}.shift:period", params_, given))
    elif alike:
        report.lacking["drift against the batch before"] = "there is no usable batch before"
    inputs: dict[str, Input] = {
        "known": None,
        "sample": None,
        "inputs": report.given["inputs"],
        "times": report.given["features"],
        "predictions": report.given["predictions"],
        "before": period["period"] if before else None,
    }
    if known:
        inputs |= {key: known[key] for key in ("known", "sample")}
    spec = shift_spec(project, name, report.columns, hidden, before)
    return report.act(Action("shift", f"{MONITOR}.shift:compared", spec, inputs))


def _preceding(session: Session, unit: Unit) -> Made | None:
    """Return the features of the usable batch before."""
    dataset = session.project.models[unit.group].dataset
    if session.project.datasets[dataset].calendar is None:
        return None
    for batch in reversed(session.before(dataset, unit.partition)):
        made = session.upstream(Cell(f"{unit.group}/features", batch))
        if made.waiting is None and made.facts.get("usable", True):
            return made
    return None


def _realized(report: _Report, hidden: Any) -> Input:
    """Measure a batch; labels of another target say nothing of its predictions."""
    model, by = report.session.project.models[report.unit.group], report.by
    if by is not None and (by.spec["target"], by.spec["task"]) != (model.target, model.task):
        why = f"the target of {report.version} is {by.spec['target']}"
        report.lacking["realized metrics"] = why
        return None
    given = {key: report.given[key] for key in ("predictions", "features")}
    given["model"] = None if by is None else by.past.model
    params = realized_spec(report.session.project, report.unit.group, hidden)
    return report.act(Action("realized", f"{MONITOR}.realized:by_slice", params, given))["realized"]


def _expected(report: _Report) -> Input:
    """Estimate the metrics of a batch from its predictions."""
    by, tested = report.by, report.tested
    if by is None or tested is None:
        report.lacking["estimated metrics"] = (
            f"the test rows of {report.version} are not in the store"
        )
        return None
    shipped = by.past.family in FAMILIES.values()
    hooks: dict[str, Hooks] = {"family": by.past.family} if shipped else {"stored": STORED}
    rows: dict[str, Input] = {
        "model": by.past.model,
        "test": tested.test,
        "features": dict(tested.features),
    }
    if not shipped:
        rows["sources"] = Ref(by.fitted.sources, "json")
    own = None if shipped else by.past.family
    params = expected_spec(report.session.project, report.unit.group, by.spec["task"], own)
    stage = f"{MONITOR}.expected"
    tried = report.act(Action("tried", f"{stage}:tried", params, rows, hooks))
    given = {key: report.given[key] for key in ("inputs", "predictions")}
    inputs: dict[str, Input] = {**rows, **given, "tried": tried["tried"]}
    return report.act(Action("expected", f"{stage}:expected", params, inputs, hooks))["expected"]


def _rival(report: _Report) -> tuple[Input, str]:
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
