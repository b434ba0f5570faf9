"""The reconcile sensor: requests one run if the wanted and the current state differ.

It is level-triggered: a new, corrected or withdrawn batch, an edited spec or stage and a failed run
are handled in the same way. A tick takes a cheap fingerprint, and plans (`sensor_plan`) if it
changed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from ml_assets.assets.edges import asset_keys
from ml_assets.engine.code_versions import definitions_digest
from ml_assets.engine.plan import Plan
from ml_assets.engine.ranges import runs, untried
from ml_assets.errors import HomeError
from ml_assets.graph.deferred import show
from ml_assets.graph.instance import register_batches
from ml_assets.graph.keys import key_of
from ml_assets.graph.pulls import pulls
from ml_assets.graph.reload import reload_location
from ml_assets.graph.runs import (
    ended,
    fail_dead,
    in_progress,
    job_name,
    open_backfills,
    tags,
    tried,
)
from ml_assets.graph.sensor_plan import Look, backoff, expire, look
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.switches import paused
from ml_assets.workspace import Workspace, locate

_asked: set[str] = set()
"""Definitions for which a reload was requested, so that it is requested only once."""
GATHER = 20.0
"""How many seconds ready batches wait for files that are still being written."""
_arriving: list[float] = []
"""When a tick first saw files being written, by the monotonic clock; empty if none are."""
SAID = 3
"""How many waiting or missing items a skip message lists."""


def reconcile_sensor(
    project: Project, workspace: Workspace, jobs: Sequence[dg.UnresolvedAssetJobDefinition]
) -> dg.SensorDefinition:
    """Return the only sensor of a code location."""
    loaded = definitions_digest(project, workspace)

    @dg.sensor(
        name="reconcile",
        jobs=list(jobs),
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests one run for everything that is out of date.",
    )
    def reconcile(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        workspace = locate()
        home = workspace.open_home()
        try:
            pulling = [] if paused(home) else pulls(project)
            answer = _tick(context, workspace, home, project, loaded)
            if pulling and isinstance(answer, dg.SkipReason):
                return dg.SkipReason("; ".join([answer.skip_message or "", *pulling]))
            return answer
        finally:
            home.close()

    return reconcile


def repair_sensor(problem: str) -> dg.SensorDefinition:
    """Return the sensor of a location with unreadable specs; it reloads them once readable."""

    @dg.sensor(
        name="reconcile",
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"The specs cannot be read, and are reloaded once they can: {problem}",
    )
    def reconcile(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        workspace = locate()
        try:
            home = workspace.open_home()
        except HomeError as error:
            return dg.SkipReason(f"cannot plan: {error}")
        try:
            looked = look(context, workspace, home, "")
        finally:
            home.close()
        if isinstance(looked, str):
            return dg.SkipReason(looked)
        seen, document = looked
        said = _reloaded(document["definitions"])
        return dg.SkipReason(said) if said else _stuck(context, seen, "the specs can be read again")

    return reconcile


def _tick(
    context: dg.SensorEvaluationContext,
    workspace: Workspace,
    home: Home,
    project: Project,
    loaded: str,
) -> dg.SensorResult | dg.SkipReason:
    busy = _busy(context.instance, home)
    if busy is not None:
        return dg.SkipReason(busy)
    looked = look(context, workspace, home, loaded)
    if isinstance(looked, str):
        return dg.SkipReason(looked)
    seen, document = looked
    if document["definitions"] != loaded:
        said = _reloaded(document["definitions"])
        if said is not None:
            return dg.SkipReason(f"specs or code differ from the loaded ones; {said}")
        if document["assets"] != sorted(asset_keys(project)):
            return _stuck(context, seen, "the specs define other assets than the loaded ones")
    plan = Plan.from_json(document)
    show(context.instance, document["deferred"])
    said, due = notes(document), due_of(document)
    if document.get("expired"):
        wrong = expire()
        if wrong is None:
            return dg.SkipReason(
                f"removed {', '.join(document['expired'][:SAID])}: older than they are kept"
            )
        # Whatever else there is to do does not wait for it.
        said = f"; {wrong}{said}"
    if not plan.todo:
        if not document["settling"]:
            Look(seen, said, due=due).keep(context)
        return dg.SkipReason(f"nothing to do{said}")
    wait = _gathering(document["settling"])
    if wait is not None:
        return dg.SkipReason(wait + said)
    specs = runs(plan, project, register_batches(context.instance, project, plan))
    before = tried(context.instance, plan.wanted)
    cancelled = before and before[0].dagster_run.status == dg.DagsterRunStatus.CANCELED
    # A range that failed, or could not be completed before another, does not block the others.
    spec = None if cancelled else untried(specs, ended(before), project)
    if spec is None:
        wait = backoff(context.instance, plan.wanted)
        if wait is not None:
            if not document["settling"]:
                Look(seen, said, plan.wanted, due=due).keep(context)
            return dg.SkipReason(wait + said)
        spec = specs[0]
    attempt = len(before)
    request = dg.RunRequest(
        run_key=f"{plan.wanted}-{attempt}-{int(time.time())}",
        job_name=job_name(spec.calendar),
        asset_selection=[key_of(asset) for asset in spec.assets],
        tags=tags(spec, plan.wanted),
    )
    return dg.SensorResult(run_requests=[request])


def _stuck(context: dg.SensorEvaluationContext, seen: str, why: str) -> dg.SkipReason:
    """Wait for a person, since a requested reload did not happen."""
    said = f"{why}; reload the location"
    Look.of(context.cursor).failed(seen, said).keep(context)
    return dg.SkipReason(said)


def _reloaded(definitions: str) -> str | None:
    """Request a reload unless already requested for these definitions; return the message."""
    if definitions in _asked:
        return None
    _asked.add(definitions)
    return reload_location()


def _busy(instance: dg.DagsterInstance, home: Home) -> str | None:
    if paused(home):
        return "paused; `ml-assets resume` starts it again"
    fail_dead(instance, home)
    open_runs = in_progress(instance)
    if open_runs:
        return f"run {open_runs[0][:8]} is in progress"
    backfills = open_backfills(instance)
    if backfills:
        return f"backfill {backfills[0]} is in progress"
    other = home.writer_lock().holder()
    return None if other is None else f"waiting for {other}"


def notes(document: dict[str, Any]) -> str:
    """Return what a plan's document says besides: problems, unsettled files, proposals, waits."""
    parts = list(document["problems"])
    parts += [f"{path} is still being written" for path in document["settling"]]
    parts += [row["reason"] for row in document["waiting"]][:SAID]
    parts += [f"{row['asset'].split('/')[0]} {row['reason']}" for row in document["deferred"]][
        :SAID
    ]
    proposed = document["proposed"]
    parts += proposed[:SAID]
    parts += [f"and {len(proposed) - SAID} more proposals"] if len(proposed) > SAID else []
    gone = document["missing"]
    parts += [f"the landed file of {place} is gone; its data is kept" for place in gone[:SAID]]
    parts += [f"and {len(gone) - SAID} more files"] if len(gone) > SAID else []
    return "; ".join(["", *parts])


def due_of(document: dict[str, Any]) -> float:
    """Return when a plan is to be made again though nothing changes; 0 for never."""
    due = document["due_at"]
    return 0.0 if due is None else datetime.fromisoformat(due).timestamp()


def _gathering(settling: Sequence[str]) -> str | None:
    """Return why no run is requested while files arrive: one delivery should be one run.

    The wait is limited: a file that never settles must not block what is ready.
    """
    if not settling:
        _arriving.clear()
        return None
    if not _arriving:
        _arriving.append(time.monotonic())
    if time.monotonic() - _arriving[0] > GATHER:
        return None
    return "more files are arriving; waiting to process them in one run"
