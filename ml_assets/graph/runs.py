"""Dagster's runs: open ones, dead ones, and attempts to reach a wanted state."""

from __future__ import annotations

import time
from collections.abc import Sequence

import dagster as dg

from ml_assets.engine.ranges import RunSpec
from ml_assets.graph.private.states import BulkActionStatus
from ml_assets.store.home import Home
from ml_assets.store.processes import process_gone

WANTED = "ml_assets/wanted"
NAME = "ml_assets/range"
FIRST = "dagster/asset_partition_range_start"
LAST = "dagster/asset_partition_range_end"
SILENT = 180.0
"""Seconds after which a run without a process here counts as dead, unless its launcher can tell."""
OPEN = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def job_name(calendar_name: str | None) -> str:
    """Return the job that materializes the assets of a calendar."""
    return f"materialize_{calendar_name}" if calendar_name else "materialize"


def tags(spec: RunSpec, wanted: str) -> dict[str, str]:
    """Return the tags of a run: its range of batches, and the wanted state."""
    labels = {WANTED: wanted, NAME: spec.name}
    if spec.first is not None and spec.last is not None:
        labels |= {FIRST: spec.first, LAST: spec.last}
    return labels


def fail_dead(instance: dg.DagsterInstance, home: Home) -> None:
    """Mark the open runs whose process is gone as failed, where Dagster does not."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(OPEN))):
        if _dead(instance, home, record):
            said = "its process is gone; the next run continues from there"
            instance.report_run_failed(record.dagster_run, said)


def in_progress(instance: dg.DagsterInstance) -> list[str]:
    """Return the runs that are open."""
    return [run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=list(OPEN)))]


def open_backfills(instance: dg.DagsterInstance) -> list[str]:
    """Return the backfills that are open."""
    return [
        backfill.backfill_id
        for status in (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING)
        for backfill in instance.get_backfills(status=status)
    ]


def _dead(instance: dg.DagsterInstance, home: Home, record: dg.RunRecord) -> bool:
    run = record.dagster_run
    if run.status == dg.DagsterRunStatus.QUEUED:
        return False
    gone = process_gone(home, run.run_id)
    if gone is not None:
        return gone
    if instance.run_monitoring_enabled and instance.run_launcher.supports_check_run_worker_health:
        # It is on another host, such as a pod: Dagster's daemon asks who launched it.
        return False
    begun = record.start_time or record.create_timestamp.timestamp()
    return time.time() - begun > SILENT


def ended(records: Sequence[dg.RunRecord]) -> dict[str, bool]:
    """Return the names of runs, and whether the newest of each succeeded."""
    return {
        record.dagster_run.tags.get(NAME, ""): record.dagster_run.is_success
        for record in reversed(records)
    }


def tried(instance: dg.DagsterInstance, wanted: str) -> Sequence[dg.RunRecord]:
    """Return the runs for a wanted state, newest first."""
    return instance.get_run_records(dg.RunsFilter(tags={WANTED: wanted}), limit=50)
