"""Runs a plan in this process, as the CLI does; the sensor's runs have the same steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg

from ml_assets.assets.registry import made_by
from ml_assets.engine.make import Listener, Progress
from ml_assets.engine.plan import Plan, Planner
from ml_assets.engine.ranges import RunSpec, runs, without
from ml_assets.engine.run import Begun
from ml_assets.graph.build import definitions
from ml_assets.graph.instance import open_instance, register_batches
from ml_assets.graph.keys import key_of
from ml_assets.graph.resource import FORCE, TOKEN, VERIFY, Caller
from ml_assets.graph.runs import fail_dead, in_progress, job_name, open_backfills, tags


@dataclass
class Executed:
    """The outcome of a plan's runs."""

    run_ids: list[str] = field(default_factory=list)
    success: bool = True
    progress: list[Progress] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Failures outside our own steps, as Dagster reports them."""
    warnings: list[str] = field(default_factory=list)
    """Publishing problems that did not make a run fail."""


def execute(
    planner: Planner,
    plan: Plan,
    listener: Listener,
    *,
    begun: Begun | None = None,
    force: bool = False,
    verify: bool = False,
    token: str = "",
) -> Executed:
    """Run what a plan needs, range by range; the caller holds the writer lock.

    If an asset fails in one range, assets that depend on it do not run in later ranges.
    """
    done = Executed()
    todo = [item.cell for item in plan.todo] if token else []
    caller = Caller([listener, done.progress.append], begun, todo, planner.project)
    defs = definitions(planner, caller)
    options = {TOKEN: token} if token else {}
    options |= {tag: "true" for tag, wanted in ((FORCE, force), (VERIFY, verify)) if wanted}
    with open_instance(planner.workspace) as instance:
        fail_dead(instance, planner.home)
        busy = bool(in_progress(instance) or open_backfills(instance))
        order = register_batches(instance, planner.project, plan, busy=busy)
        failed: set[str] = set()
        for whole in runs(plan, planner.project, order):
            spec = without(whole, failed, planner.project)
            if spec is None:
                continue
            result = _run(defs, instance, spec, {**tags(spec, plan.wanted), **options})
            done.run_ids.append(result.run_id)
            done.success = done.success and result.success
            failed |= set() if result.success else _failed(result, spec)
            done.faults += _faults(result, done.progress)
    done.warnings += dict.fromkeys(caller.warnings)
    return done


def _run(
    defs: dg.Definitions, instance: dg.DagsterInstance, spec: RunSpec, run_tags: dict[str, str]
) -> dg.ExecuteInProcessResult:
    job = defs.resolve_job_def(job_name(spec.calendar))
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(
        run_config=quiet,
        instance=instance,
        tags=run_tags,
        asset_selection=[key_of(asset) for asset in spec.assets],
        raise_on_error=False,
    )


def _failed(result: dg.ExecuteInProcessResult, spec: RunSpec) -> set[str]:
    """Return the assets whose step failed; all assets if the run failed outside its steps."""
    steps = [event.step_key or "" for event in result.all_events if event.is_step_failure]
    assets = {
        f"{group}/{asset.name}"
        for group, _, kind in (step.rpartition("__") for step in steps)
        for asset in made_by(kind)
    }
    return assets or set(spec.assets)


def _faults(result: dg.ExecuteInProcessResult, told: Sequence[Progress]) -> list[str]:
    """Return the first causes of failures of cells that were not reported yet."""
    known = {line for progress in told for line in progress.detail.splitlines()}
    faults: dict[str, str] = {}
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        if error is None or not (event.is_step_failure or event.is_run_failure):
            continue
        while error.cause is not None:
            error = error.cause
        said = error.message.strip()
        if error.cls_name == "Failure":
            said = said.partition(": ")[2]
        if not set(said.splitlines()) <= known:
            faults.setdefault(said, event.step_key or "run")
    return [f"{where}: {said}" for said, where in faults.items()]
