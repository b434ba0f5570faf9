"""The monitoring report of rows that one model predicted, wherever the rows come from.

Belongs here: comparing, measuring and estimating them, in which order. Does not belong here: which
rows those are (`monitoring` for a batch, `requests_report` for a day of requests), the figures
(`stages/monitor`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.checks import checks_of
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.monitored import (
    expected_spec,
    known_spec,
    monitor_spec,
    page_spec,
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
from ml_assets.store.objects import Ref

MONITOR = "ml_assets.stages.monitor"
SHOWN = 11
"""Reports before one whose figures are on its page."""


@dataclass(frozen=True)
class Before:
    """The rows of the period before."""

    name: str
    features: Input


@dataclass
class Report:
    """What a report is made of, while it is put together."""

    session: Session
    unit: Unit
    model: str
    version: str
    by: PinnedScorer | None
    tested: Evaluated | None
    columns: Mapping[str, FeatureColumn]
    given: Mapping[str, Input] = field(default_factory=dict)
    """`inputs`, `features` and `predictions` of the rows."""
    before: Before | None = None
    blocks: int | None = None
    """How many blocks such rows usually have; None for those of a batch."""
    rival: Input = None
    """How far the challenger's predictions are from these."""
    challenger: str = ""
    late_days: float | None = None
    asked: Input = None
    """How the rows were asked, if they are requests."""
    done: dict[str, Done | Undone] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)

    def act(self, action: Action) -> Mapping[str, Ref | Pending]:
        """Return the outputs of an action, which becomes part of the report."""
        self.done[action.part] = self.session.act(self.unit, action)
        return self.done[action.part].outputs


def begun(session: Session, unit: Unit, model: str, version: str, digest: str | None) -> Report:
    """Return a report on rows, with what is known of the model that predicted them.

    ValidationError if its specs are of another version of ml_assets.
    """
    home = session.home
    columns = session.project.models[model].features.columns
    by = None
    if digest is not None:
        by = session.remembered(("scorer", model, digest), lambda: scorer(home, model, digest))
    if by is None or digest is None:
        why = f"the store has lost the training rows of {version}, such as forgotten ones"
        lacking = {"drift": why, "joint drift": why, "drift of the prediction": why}
        return Report(session, unit, model, version, None, None, columns, lacking=lacking)
    columns = {name: FeatureColumn.model_validate(c) for name, c in by.spec["columns"].items()}
    tested = session.remembered(
        ("evaluated", model, digest),
        lambda: evaluated(home, model, candidate_of(home, model, digest)),
    )
    return Report(session, unit, model, version, by, tested, columns)


def reported(report: Report) -> Made:
    """Return the cell with the report, its figures and checks."""
    session, unit = report.session, report.unit
    (cell,) = unit.cells()
    project, name = session.project, report.model
    hidden = seen_of(session, name)
    given: dict[str, Input] = {
        "shift": shifted(report, hidden)["shift"],
        "realized": _realized(report, hidden),
        "expected": _expected(report),
        "tested": None if report.tested is None else report.tested.metrics,
        "rival": report.rival,
        "asked": report.asked,
    }
    said = f"compared with the rows on which {report.version} was trained"
    if report.by is None:
        said = "not compared: the training rows are lost"
    params = monitor_spec(
        project,
        name,
        unit,
        report.version,
        said,
        report.lacking,
        late_days=report.late_days,
        challenger=report.challenger,
    )
    outputs = report.act(Action("report", f"{MONITOR}.report:report", params, given))
    figures: dict[str, Input] = {"figures": outputs["figures"]}
    shown = report.act(
        Action(
            "page",
            f"{MONITOR}.report:shown",
            page_spec(params),
            {**figures, "before": _history(session, unit, outputs["figures"])},
        )
    )
    checks = {
        entry.name: session.act(unit, Action(f"check:{entry.name}", entry.stage, params, figures))
        for entry in checks_of("monitoring_report")
    }
    made = report.done["report"]
    facts = {"monitoring": made.record.facts} if isinstance(made, Done) else {}
    kept = {"figures": outputs["figures"], "report": shown["report"]}
    return Made(cell, kept, report.done, checks, facts)


def _history(session: Session, unit: Unit, figures: Ref | Pending) -> dict[str, Ref | Pending]:
    """Return the figures of the last batches before one, oldest first, and remember its own.

    They are those that the session has made, which makes batches in their order, or else those
    that are held: a page does not have earlier reports made.
    """
    session.remembered(("figures", unit.group, unit.partition), lambda: figures)
    project = session.project
    dataset = unit.group if unit.group in project.datasets else project.models[unit.group].dataset
    if project.datasets[dataset].calendar is None:
        return {}
    found: dict[str, Ref | Pending] = {}
    for batch in reversed(session.before(dataset, unit.partition)):
        held = partial(_held, session, Cell(f"{unit.group}/{unit.kind}", batch))
        ref = session.remembered(("figures", unit.group, batch), held)
        if ref is not None:
            found[batch] = ref
        if len(found) == SHOWN:
            break
    return dict(reversed(found.items()))


def _held(session: Session, cell: Cell) -> Ref | None:
    held = session.current.get((cell.asset, cell.partition))
    return None if held is None else held.outputs["figures"]


def shifted(report: Report, hidden: Any) -> Mapping[str, Ref | Pending]:
    """Compare a batch with the training rows and with the batch before."""
    session = report.session
    project, name = session.project, report.model
    by, before = report.by, ""
    known: Mapping[str, Ref | Pending] = {}
    if by is not None:
        rows: dict[str, Input] = {
            **by.past.folds,
            "features": dict(by.past.features),
            "predicted": None if report.tested is None else report.tested.predictions,
        }
        params = known_spec(project, name, report.columns, hidden, report.blocks)
        known = report.act(Action("known", f"{MONITOR}.known:known", params, rows))
    period: Mapping[str, Ref | Pending] = {}
    if report.before is not None:
        before = report.before.name
        params_ = known_spec(project, name, report.columns, hidden).inputs
        given: dict[str, Input] = {"rows": report.before.features}
        period = report.act(Action("before", f"{MONITOR}.shift:period", params_, given))
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


def _realized(report: Report, hidden: Any) -> Input:
    """Measure a batch; labels of another target say nothing of its predictions."""
    model, by = report.session.project.models[report.model], report.by
    if by is not None and (by.spec["target"], by.spec["task"]) != (model.target, model.task):
        why = f"the target of {report.version} is {by.spec['target']}"
        report.lacking["realized metrics"] = why
        return None
    given = {key: report.given[key] for key in ("predictions", "features")}
    given["model"] = None if by is None else by.past.model
    params = realized_spec(report.session.project, report.model, hidden)
    return report.act(Action("realized", f"{MONITOR}.realized:by_slice", params, given))["realized"]


def _expected(report: Report) -> Input:
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
    params = expected_spec(report.session.project, report.model, by.spec["task"], own)
    stage = f"{MONITOR}.expected"
    tried = report.act(Action("tried", f"{stage}:tried", params, rows, hooks))
    given = {key: report.given[key] for key in ("inputs", "predictions")}
    inputs: dict[str, Input] = {**rows, **given, "tried": tried["tried"]}
    return report.act(Action("expected", f"{stage}:expected", params, inputs, hooks))["expected"]
