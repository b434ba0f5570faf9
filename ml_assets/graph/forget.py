"""Dagster's part of a legal deletion: the events of the assets that held the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import closing

import dagster as dg

from ml_assets.graph.instance import open_instance
from ml_assets.graph.publish import key_of
from ml_assets.graph.settings import dagster_home
from ml_assets.plan.workspace import Workspace


def wipe(workspace: Workspace, assets: Collection[str]) -> int:
    """Delete every run that materialized some assets, and their check results; return how many.

    What is still there is shown anew by the next run.
    """
    folder = dagster_home(workspace)
    if not (folder / "history").is_dir():
        return 0
    keys = [key_of(asset) for asset in sorted(assets)]
    with open_instance(workspace) as instance:
        runs = {run for key in keys for run in _runs(instance, key)}
        instance.wipe_assets(keys)
        for run in runs:
            if instance.has_run(run):
                instance.delete_run(run)
    for path in folder.rglob("*.db"):
        # Freed pages would still hold what was deleted.
        with closing(sqlite3.connect(path, timeout=60)) as db:
            db.execute("VACUUM")
    return len(runs)


def _runs(instance: dg.DagsterInstance, key: dg.AssetKey) -> set[str]:
    found: set[str] = set()
    for fetch in (instance.fetch_materializations, instance.fetch_observations):
        cursor, more = None, True
        while more:
            page = fetch(key, limit=1000, cursor=cursor)
            found |= {record.run_id for record in page.records}
            cursor, more = page.cursor, page.has_more
    return found
