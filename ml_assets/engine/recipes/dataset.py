"""A dataset's batch: raw, cleaned and quarantine of its effective landing.

`raw` and `cleaned` follow the newest landing that is not refused; `quarantine` and the checks
show the newest attempt. So the three form one unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.checks import OWN, checks_of
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.hiding.landed import CLEAR, clear_columns, hides
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.keys.action import Action, Input
from ml_assets.spec.cut import UNASSIGNED
from ml_assets.spec.dataset import CleanSpec, Contract, DatasetSpec, IngestSpec, Landing, PeriodSpec
from ml_assets.spec.model import OwnCheck
from ml_assets.spec.project import Project
from ml_assets.store.batches import Landed
from ml_assets.store.objects import Ref
from ml_assets.store.pseudonyms import fingerprint, hidden_in
from ml_assets.workspace import Workspace


def ingest_spec(project: Project, name: str) -> IngestSpec:
    """Return the part of a dataset's spec that reading a file depends on."""
    spec, labels = project.datasets[name], project.labels(name)
    # How a file was cut is in its batches' bytes.
    cut = ("batch", "whole", "max_gone", "sql")
    landing = spec.landing.model_copy(
        update={name: Landing.model_fields[name].default for name in cut}
    )
    later = () if labels is None else labels.columns
    return IngestSpec(
        dataset=name,
        landing=landing,
        columns=spec.columns,
        later=later,
        on_new_column=spec.on_new_column,
        on_missing_column=spec.on_missing_column,
        on_type_change=spec.on_type_change,
    )


def clean_spec(project: Project, name: str) -> CleanSpec:
    """Return the part of a dataset's spec that cleaning depends on."""
    spec = project.datasets[name]
    return CleanSpec(
        dataset=name,
        contract=Contract(columns=spec.columns, key=spec.key, rules=spec.rules),
        cleaning=spec.cleaning,
        filters=spec.filters,
        quarantine_budget=spec.quarantine_budget,
        quarantine_rows=spec.quarantine_rows,
        labels=project.labels(name),
    )


def period_spec(name: str, spec: DatasetSpec, batch: str) -> PeriodSpec:
    """Return the part of a spec for checking the times of a batch."""
    calendar = spec.calendar
    if calendar is None:
        return PeriodSpec(dataset=name, time=spec.time, period=None)
    zone = calendar.zone or ("UTC" if calendar.period is not None else None)
    return PeriodSpec(dataset=name, time=spec.time, period=calendar.span(batch), zone=zone)


def batch_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a dataset's batches."""
    stages = ("ml_assets.stages.ingest", "ml_assets.stages.clean")
    return Versioned(stages, (ingest_spec(project, name), clean_spec(project, name)))


def batch(session: Session, unit: Unit) -> Sequence[Made]:
    """Make raw, cleaned and quarantine of one batch."""
    spec = session.project.datasets[unit.group]
    params = clean_spec(session.project, unit.group)
    landings, out = session.landings(unit.group, unit.partition)
    raw, cleaned, quarantine = unit.cells()
    clear = [_clear(session, unit, spec, landing) for landing in landings]
    if clear and clear[0]:
        why = CLEAR.format(", ".join(clear[0]))
        return [Made(cell, {}, {}, waiting=why) for cell in unit.cells()]
    landings = [landing for landing, names in zip(landings, clear, strict=True) if not names]
    if not landings:
        if out is None:
            why = f"nothing has landed for {unit.group}" + f" {unit.partition}".rstrip()
            return [Made(cell, {}, {}, waiting=why) for cell in unit.cells()]
        stage = "ml_assets.stages.withdraw:withdrawn"
        gone = session.act(unit, Action("withdraw", stage, params, makes="cleaned"))
        newest = effective = Attempt(gone, gone)
        facts: dict[str, Any] = {"usable": False, "withdrawn": out.reason}
    else:
        newest = effective = attempt(session, unit, landings[0])
        facts = {"landing": landings[0].digest, "file": landings[0].name}
        facts |= effective_facts(session, newest)
        for landing in landings[1:]:
            if not facts.get("refused"):
                break
            older = attempt(session, unit, landing)
            if not effective_facts(session, older).get("refused"):
                effective = older
                facts |= {"usable": True, "follows": landing.digest}
                break
    cut = spec.landing.cut
    if cut is not None and unit.partition == UNASSIGNED and facts.get("landed", 1):
        said = f"{cut.column} says no batch for these rows; no model sees them"
        facts = {**facts, "usable": False, "refused": facts.get("refused") or said}
    checks = check_batch(session, unit, spec, newest, effective)
    return [
        Made(raw, _only(effective.parsed, "raw"), {"ingest": effective.parsed}, facts=facts),
        Made(
            cleaned,
            _only(effective.cleaned, "cleaned"),
            {"clean": effective.cleaned},
            checks,
            facts,
        ),
        Made(
            quarantine, _only(newest.cleaned, "quarantine"), {"clean": newest.cleaned}, facts=facts
        ),
    ]


class Attempt:
    """The two actions that turn one landing into tables."""

    def __init__(self, parsed: Done | Undone, cleaned: Done | Undone) -> None:
        self.parsed = parsed
        self.cleaned = cleaned


def attempt(session: Session, unit: Unit, landing: Landed) -> Attempt:
    """Ingest and clean one landing."""
    spec = ingest_spec(session.project, unit.group)
    if hides(session.project.datasets[unit.group]):
        spec = spec.model_copy(update={"pseudonyms": fingerprint(session.home)})
    parsed = session.act(
        unit,
        Action(
            "ingest",
            "ml_assets.stages.ingest:ingest",
            spec,
            {"landed": Ref(landing.digest, "bytes")},
        ),
    )
    cleaned = session.act(
        unit,
        Action(
            "clean",
            "ml_assets.stages.clean:clean",
            clean_spec(session.project, unit.group),
            {name: parsed.outputs[name] for name in ("raw", "rejects", "summary")},
            makes="cleaned",
            boundary="cleaned",
        ),
    )
    return Attempt(parsed, cleaned)


def _clear(session: Session, unit: Unit, spec: DatasetSpec, landing: Landed) -> list[str]:
    def known() -> Mapping[str, frozenset[str]]:
        return hidden_in(session.home, unit.group) if hides(spec) else {}

    hidden = session.remembered(("hidden", unit.group), known)
    return clear_columns(spec, landing.digest, hidden)


def effective_facts(session: Session, tried: Attempt) -> dict[str, Any]:
    """Return whether an attempt is usable, and its row accounting, if known."""
    if isinstance(tried.cleaned, Undone):
        return {"usable": True}
    summary = session.home.objects.json(tried.cleaned.outputs["summary"].digest)
    return {"usable": summary["refused"] is None, **summary}


def check_batch(
    session: Session,
    unit: Unit,
    spec: DatasetSpec,
    newest: Attempt,
    effective: Attempt,
) -> dict[str, Done | Undone]:
    """Run the checks of a batch, on the newest attempt's counts and the effective rows."""
    inputs: dict[str, Input] = {
        name: newest.cleaned.outputs[name] for name in ("summary", "cleaned", "quarantine")
    }
    params = clean_spec(session.project, unit.group)
    others = {"batch_period": period_spec(unit.group, spec, unit.partition)}
    outcomes: dict[str, Done | Undone] = {}
    for entry in checks_of("cleaned"):
        given = {name: inputs[name] for name in entry.inputs}
        about = others.get(entry.name, params)
        outcomes[entry.name] = session.act(
            unit, Action(f"check:{entry.name}", entry.stage, about, given)
        )
    for name, hook in spec.checks.items():
        outcomes[name] = own_check(session, unit, name, hook, effective.cleaned.outputs["cleaned"])
    return outcomes


def own_check(session: Session, unit: Unit, name: str, hook: str, table: Input) -> Done | Undone:
    """Run a user's own check on a table."""
    action = Action(
        f"check:{name}",
        OWN,
        OwnCheck(name=name, function=hook),
        {"table": table},
        {"hook": session.workspace.hook(unit.group, hook)},
    )
    return session.act(unit, action)


def _only(done: Done | Undone, name: str) -> dict[str, Any]:
    return {name: done.outputs[name]}


def cleaned_of(session: Session, dataset: str, partition: str) -> Made:
    """Return the cleaned cell of a dataset for a batch (a snapshot has one for all)."""
    snapshot = session.project.datasets[dataset].calendar is None
    return session.upstream(Cell(f"{dataset}/cleaned", "" if snapshot else partition))
