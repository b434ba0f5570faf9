"""Dagster's part of a legal deletion: the events of the assets that contained the rows."""

from __future__ import annotations

import time
from collections.abc import Collection

import dagster as dg

from ml_assets.graph.instance import open_instance
from ml_assets.graph.keys import key_of
from ml_assets.graph.private.states import TickStatus
from ml_assets.graph.settings import dagster_folder, dagster_home
from ml_assets.store import sqlite
from ml_assets.walk import below
from ml_assets.workspace import Workspace

FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
ENDED = [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE]


def wipe(workspace: Workspace, assets: Collection[str]) -> int:
    """Delete every run that materialized some assets, and their check results; return how many.

    Failed runs and the sensors' messages are deleted too, since a fault's message may quote a row.
    The next run publishes the remaining content again.
    """
    folder = dagster_folder(workspace)
    if dagster_home(workspace) == folder and not (folder / "history").is_dir():
        return 0
    keys = [key_of(asset) for asset in sorted(assets)]
    with open_instance(workspace) as instance:
        runs = {run for key in keys for run in _runs(instance, key)}
        runs |= {run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=list(FAILED)))}
        instance.wipe_assets(keys)
        for run in runs:
            if instance.has_run(run):
                instance.delete_run(run)
        for state in instance.all_instigator_state():
            instance.purge_ticks(state.instigator_origin_id, state.selector_id, time.time(), ENDED)
    for entry in below(folder):
        if entry.path.suffix == ".db" and sqlite.is_database(entry.path):
            sqlite.rewrite(entry.path)
    return len(runs)


def _runs(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    run_ids: set[str] = set()
    for fetch in (instance.fetch_materializations, instance.fetch_observations):
        cursor, more = None, True
        while more:
            page = fetch(key, limit=1000, cursor=cursor)
            run_ids |= {record.run_id for record in page.records}
            cursor, more = page.cursor, page.has_more
    return run_ids
