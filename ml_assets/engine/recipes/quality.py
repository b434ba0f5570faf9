"""A dataset's quality report: the pinned reference, and the report of one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.checks import checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes.dataset import attempt, effective_facts
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.keys.action import Action, Input, Pending
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.expressions import grammar
from ml_assets.spec.project import Project
from ml_assets.spec.quality import Block, ReferenceSpec, ReportSpec
from ml_assets.store.objects import Ref
from ml_assets.workspace import Workspace


@dataclass(frozen=True)
class ReferenceTables:
    """The tables with which batches are compared, if any, and a description."""

    said: str
    raw: Mapping[str, Input] = field(default_factory=dict)
    cleaned: Mapping[str, Input] = field(default_factory=dict)
    pins: Mapping[str, Any] = field(default_factory=dict)
    landing: str | None = None
    """For a snapshot: the digest of the landed file."""


def pin_name(dataset: str, first: int | str = "") -> str:
    """Return the name of a pinned reference; without `first`, the prefix of all of a dataset."""
    return f"reference/{dataset}/{first}"


def quality_report_code(project: Project, _: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a dataset's quality reports."""
    spec = project.datasets[name]
    told = report_spec(project, name, "", ReferenceTables(""), {})
    stages = ("ml_assets.stages.quality.reference", "ml_assets.stages.quality.report")
    return Versioned(stages, (reference_spec(name, spec), told))


def quality_report(session: Session, unit: Unit) -> Sequence[Made]:
    """Make the quality report of one batch, and its checks."""
    spec = session.project.datasets[unit.group]
    (cell,) = unit.cells()
    by_name = {
        upstream.name: session.upstream(upstream)
        for upstream in Unit(unit.group, "batch", unit.partition).cells()
    }
    waits = next((made.waiting for made in by_name.values() if made.waiting is not None), None)
    if waits is not None:
        return [Made(cell, {}, {}, waiting=f"{cell} waits: {waits}")]
    reference = reference_of(session, unit.group, spec)
    done: dict[str, Done | Undone] = {}
    if reference.cleaned:
        tables: dict[str, Input] = {"raw": reference.raw, "cleaned": reference.cleaned}
        stage = "ml_assets.stages.quality.reference:reference"
        params = reference_spec(unit.group, spec)
        done["reference"] = session.act(unit, Action("reference", stage, params, tables))
    effective = _cleaning(session, by_name["cleaned"])
    inputs: dict[str, Input] = {
        "reference": done["reference"].outputs["reference"] if done else None,
        "raw": by_name["raw"].outputs["raw"],
        "cleaned": by_name["cleaned"].outputs["cleaned"],
        "quarantine": effective["quarantine"],
        "summary": effective["summary"],
        "newest": _cleaning(session, by_name["quarantine"])["summary"],
    }
    facts = by_name["cleaned"].facts
    told = report_spec(session.project, unit.group, unit.partition, reference, facts)
    stage = "ml_assets.stages.quality.report:report"
    report = done["report"] = session.act(unit, Action("report", stage, told, inputs))
    figures: dict[str, Input] = {"figures": report.outputs["figures"]}
    checks = {
        entry.name: session.act(unit, Action(f"check:{entry.name}", entry.stage, told, figures))
        for entry in checks_of("quality_report")
    }
    outputs = {name: report.outputs[name] for name in ("figures", "report")}
    said = {"quality": report.record.facts} if isinstance(report, Done) else {}
    return [Made(cell, outputs, done, checks, said, pins=reference.pins)]


def reference_spec(dataset: str, spec: DatasetSpec) -> ReferenceSpec:
    """Return the part of a dataset's spec that its reference depends on."""
    return ReferenceSpec(
        dataset=dataset,
        columns=spec.columns,
        skipped=_skipped(spec),
        time=spec.time,
        block=_block(spec),
        false_alarm_rate=spec.quality.false_alarm_rate,
    )


def report_spec(
    project: Project,
    dataset: str,
    batch: str,
    reference: ReferenceTables,
    facts: Mapping[str, Any],
) -> ReportSpec:
    """Return the part of a dataset's spec that the report of a batch depends on."""
    used = facts.get("follows", facts.get("landing"))
    spec, labels = project.datasets[dataset], project.labels(dataset)
    return ReportSpec(
        dataset=dataset,
        batch=batch,
        description=spec.description,
        columns=spec.columns,
        skipped=_skipped(spec),
        time=spec.time,
        block=_block(spec),
        cleaning=spec.cleaning,
        filters={item.id: item.reason for item in spec.filters},
        read_by_filters=_read_by_filters(spec),
        slices=spec.quality.slices,
        smallest=spec.quality.smallest,
        false_alarm_rate=spec.quality.false_alarm_rate,
        reference=reference.said,
        in_reference=reference.landing == used if reference.landing else batch in reference.cleaned,
        labels=() if labels is None else labels.columns,
    )


def _read_by_filters(spec: DatasetSpec) -> tuple[str, ...]:
    trees = [grammar.parse(item.expression, spec.columns) for item in spec.filters]
    return tuple(sorted({name for tree in trees for name in grammar.names(tree)}))


def reference_of(session: Session, dataset: str, spec: DatasetSpec) -> ReferenceTables:
    """Return the reference with which batches of a dataset are compared."""
    if spec.calendar is None:
        return _first_landing(session, dataset, spec)
    if spec.quality.reference.batches:
        named = list(spec.quality.reference.batches)
        ready = _usable(session, dataset, named, len(named))
        said = f"the reference is as declared: {', '.join(ready)}"
        left_out = [name for name in named if name not in ready]
        said += f"; not usable: {', '.join(left_out)}" if left_out else ""
        if not ready:
            said = f"none of the declared reference batches is usable: {', '.join(named)}"
        return _of_batches(ready, said)
    first = spec.quality.reference.first
    name = pin_name(dataset, first)
    pinned = session.home.pins.get(session.home.env, name)
    if pinned is not None:
        ready = _usable(session, dataset, pinned, first)
        said = f"the reference is pinned: {', '.join(pinned)}"
        left_out = [batch for batch in pinned if batch not in ready]
        said += f"; not usable now: {', '.join(left_out)}" if left_out else ""
        return _of_batches(ready, said)
    ready = _usable(session, dataset, session.batches(dataset), first)
    if len(ready) < first:
        said = (
            f"the reference will be the first {first} usable batches, so far there are {len(ready)}"
        )
        return ReferenceTables(said)
    said = f"the reference is pinned: {', '.join(ready)}"
    return _of_batches(ready, said, {name: list(ready)})


Batches = Mapping[str, Mapping[str, Made]]
"""Batch -> `raw` and `cleaned`."""


def _of_batches(
    usable: Batches, said: str, pins: Mapping[str, Any] | None = None
) -> ReferenceTables:
    tables = {
        name: {batch: cells[name].outputs[name] for batch, cells in usable.items()}
        for name in ("raw", "cleaned")
    }
    return ReferenceTables(said, tables["raw"], tables["cleaned"], pins or {})


def _usable(session: Session, dataset: str, batches: Sequence[str], most: int) -> Batches:
    """Return the first batches whose raw and cleaned rows exist and are usable."""
    usable: dict[str, Mapping[str, Made]] = {}
    for batch in batches:
        if len(usable) == most:
            break
        if not session.landed.get((dataset, batch)):
            continue
        made = {n: session.upstream(Cell(f"{dataset}/{n}", batch)) for n in ("raw", "cleaned")}
        if session.missed(made["cleaned"], [dataset]):
            # One of the first is still missing: a pin made now would lack it.
            break
        if all(m.waiting is None and m.facts.get("usable", True) for m in made.values()):
            usable[batch] = made
    return usable


def _first_landing(session: Session, dataset: str, spec: DatasetSpec) -> ReferenceTables:
    """Return the oldest landing of a snapshot that is not refused or withdrawn.

    It needs no pin, since landings are only added.
    """
    landings, _ = session.landings(dataset, "")
    for landing in reversed(landings):
        tried = attempt(session, Unit(dataset, "batch"), landing)
        if effective_facts(session, tried).get("refused"):
            continue
        said = f"the reference is the first landed file, {landing.name}"
        raw, cleaned = tried.parsed.outputs["raw"], tried.cleaned.outputs["cleaned"]
        return ReferenceTables(said, {"": raw}, {"": cleaned}, landing=landing.digest)
    return ReferenceTables("no usable file to compare with")


def _cleaning(session: Session, made: Made) -> Mapping[str, Ref | Pending]:
    """Return all outputs of the action behind a cleaned or quarantine cell."""
    if made.actions:
        return made.actions["clean"].outputs
    held = session.home.records.current(session.home.env, made.cell.asset, made.cell.partition)
    record = None if held is None else session.home.records.action(held.actions["clean"])
    assert record is not None, f"{made.cell} is recorded without its action"
    return record.outputs


def _block(spec: DatasetSpec) -> Block:
    return spec.quality.block or ("row" if spec.time is None else "day")


def _skipped(spec: DatasetSpec) -> dict[str, str]:
    """Return the columns that are not compared, and why."""
    reasons = {}
    for name, column in spec.columns.items():
        if name in spec.quality.ignore:
            reasons[name] = "it is listed in quality.ignore"
        elif column.type in ("timestamp", "date"):
            reasons[name] = "it is a time, which always advances"
        elif spec.key == (name,):
            reasons[name] = "it is the key, unique in each row"
    return reasons
