"""The reconcile sensor: where what is wanted and what is there differ, one run follows.

Level-triggered: a new, corrected or withdrawn batch, an edited spec or stage, a failed run are
one mechanism. A tick takes a cheap fingerprint and plans, in a fresh process, when it moved.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus

from ml_assets.assets.edges import asset_keys
from ml_assets.errors import MlAssetsError
from ml_assets.graph.instance import register_batches
from ml_assets.graph.keys import key_of
from ml_assets.graph.reload import reload_location
from ml_assets.graph.runs import in_progress, job_name, tags, tried
from ml_assets.plan.fingerprint import fingerprint, youngest_source
from ml_assets.plan.plan import Plan
from ml_assets.plan.ranges import runs
from ml_assets.plan.static import definitions_digest
from ml_assets.plan.workspace import Workspace, locate
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.switches import paused

LONGEST_PLAN = 50.0
"""Seconds that planning may take: Dagster gives a tick 60."""
QUIET = 3.0
"""Seconds for which sources must be unchanged before their edit is acted on."""
_asked: set[str] = set()
"""Definitions for which a reload was asked for: only once, a run does not need it."""
GATHER = 20.0
"""Seconds for which what is ready waits for files that are being written."""
_arriving: list[float] = []
"""When a tick first saw files being written, by the monotonic clock; empty if none are."""
SAID = 3
"""How many of what waits or is gone a skip names."""
BACKOFF = (30.0, 3600.0)
"""First and longest wait in seconds after a failure; doubled each time."""


def reconcile_sensor(
    project: Project, workspace: Workspace, jobs: Sequence[dg.UnresolvedAssetJobDefinition]
) -> dg.SensorDefinition:
    """Return the one sensor of a code location."""
    loaded = definitions_digest(project, workspace)

    @dg.sensor(
        name="reconcile",
        jobs=list(jobs),
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests one run for whatever differs from what is wanted.",
    )
    def reconcile(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        workspace = locate()
        home = workspace.open_home()
        try:
            return _tick(context, workspace, home, project, loaded)
        finally:
            home.close()

    return reconcile


def repair_sensor(problem: str) -> dg.SensorDefinition:
    """Return the sensor of a location whose specs cannot be read: it loads them once they can."""

    @dg.sensor(
        name="reconcile",
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"The specs cannot be read; loaded again once they can: {problem}",
    )
    def reconcile(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        found = _plan(locate())
        if isinstance(found, str):
            return dg.SkipReason(found)
        said = _reloaded(found["definitions"])
        return dg.SkipReason(said or "the specs can be read; waiting until they are loaded anew")

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
    seen = fingerprint(workspace, home)
    before, _, told = (context.cursor or "").partition("\n")
    if before == seen:
        return dg.SkipReason(f"nothing moved since the last look, and nothing is to do{told}")
    if time.time() - youngest_source(workspace) < QUIET:
        return dg.SkipReason("sources are being edited; waiting until they are quiet")
    document = _plan(workspace)
    if isinstance(document, str):
        return dg.SkipReason(document)
    if document["definitions"] != loaded:
        said = _reloaded(document["definitions"])
        if said is not None:
            return dg.SkipReason(f"specs or code differ from what is loaded; {said}")
        if document["assets"] != sorted(asset_keys(project)):
            return dg.SkipReason("the specs name other assets than are loaded; reload the location")
    plan = Plan.from_json(document)
    said = _said(document)
    if not plan.todo:
        if not document["settling"]:
            context.update_cursor(f"{seen}\n{said}")
        return dg.SkipReason(f"nothing to do{said}")
    wait = _gathering(document["settling"]) or _backoff(context.instance, plan.wanted)
    if wait is not None:
        return dg.SkipReason(wait + said)
    order = register_batches(context.instance, project, plan)
    spec = runs(plan, project, order)[0]
    attempt = len(tried(context.instance, plan.wanted))
    request = dg.RunRequest(
        run_key=f"{plan.wanted}-{attempt}-{int(time.time())}",
        job_name=job_name(spec.calendar),
        asset_selection=[key_of(asset) for asset in spec.assets],
        tags=tags(spec, plan.wanted),
    )
    return dg.SensorResult(run_requests=[request])


def _reloaded(definitions: str) -> str | None:
    """Ask for a reload where it was not yet asked for these definitions; return what is said."""
    if definitions in _asked:
        return None
    _asked.add(definitions)
    return reload_location()


def _busy(instance: dg.DagsterInstance, home: Home) -> str | None:
    if paused(home):
        return "paused; `ml-assets resume` starts it again"
    open_runs = in_progress(instance, home)
    if open_runs:
        return f"run {open_runs[0][:8]} is in progress"
    backfills = [
        backfill.backfill_id
        for status in (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING)
        for backfill in instance.get_backfills(status=status)
    ]
    if backfills:
        return f"backfill {backfills[0]} is in progress"
    other = home.writer_lock().holder()
    return None if other is None else f"waiting for {other}"


def _plan(workspace: Workspace) -> dict[str, Any] | str:
    """Plan in a fresh process: this one keeps the code that it once imported."""
    command = [sys.executable, "-m", "ml_assets.cli.main", "plan", "--json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LONGEST_PLAN
        )
    except subprocess.TimeoutExpired:
        return f"planning took more than {LONGEST_PLAN:.0f} s; `ml-assets run` has no such limit"
    if done.returncode == 2:
        return f"cannot plan: {done.stderr.strip()[-2000:]}"
    if done.returncode != 0:
        raise MlAssetsError(f"planning failed:\n{done.stderr[-4000:]}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _said(document: dict[str, Any]) -> str:
    """Return what a person should know besides: problems, files that settle, what waits."""
    parts = list(document["problems"])
    parts += [f"{path} is still being written" for path in document["settling"]]
    parts += [row["reason"] for row in document["waiting"]][:SAID]
    gone = document["missing"]
    parts += [f"the landed file of {place} is gone (it stays in)" for place in gone[:SAID]]
    parts += [f"and {len(gone) - SAID} files more"] if len(gone) > SAID else []
    return "; ".join(["", *parts])


def _gathering(settling: Sequence[str]) -> str | None:
    """Return why nothing is requested yet while files arrive: those of one delivery are one run.

    Only for a while: a file that never settles must not keep back what is ready.
    """
    if not settling:
        _arriving.clear()
        return None
    if not _arriving:
        _arriving.append(time.monotonic())
    if time.monotonic() - _arriving[0] > GATHER:
        return None
    return "more files are arriving, so what is ready waits with them"


def _backoff(instance: dg.DagsterInstance, wanted: str) -> str | None:
    """Return why this wanted state is not requested now, if it is not."""
    before = tried(instance, wanted)
    if not before:
        return None
    newest = before[0]
    status = newest.dagster_run.status
    if status == dg.DagsterRunStatus.CANCELED:
        return "its run was cancelled by a person; it is requested again when something changes"
    failures = sum(r.dagster_run.status == dg.DagsterRunStatus.FAILURE for r in before)
    first, longest = BACKOFF
    wait = min(first * 2 ** max(failures - 1, 0), longest)
    ended = newest.end_time or newest.update_timestamp.timestamp()
    left = ended + wait - time.time()
    if left <= 0:
        return None
    return f"failed {failures} times; the next attempt is in {left:.0f} s"
