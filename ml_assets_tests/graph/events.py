"""What Dagster's event log says about assets, partitions and checks."""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.data_version import (
    CachingStaleStatusResolver,
    StaleStatus,
    extract_data_version_from_entry,
)
from dagster._core.loader import LoadingContextForTest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from ml_assets.engine.plan import planner_here
from ml_assets.graph.build import definitions
from ml_assets.graph.keys import key_of
from ml_assets_tests.cli.shell import Shell

GREEN = AssetCheckExecutionRecordStatus.SUCCEEDED
RED = AssetCheckExecutionRecordStatus.FAILED


def versions(shell: Shell, env: str = "dev") -> dict[str, str]:
    """Return cell -> data version, the latest in Dagster, of every cell that the store holds."""
    found = {}
    with shell.dagster(env) as instance:
        for cell in shell.digests(env):
            asset, _, batch = cell.partition("@")
            record = instance.get_latest_data_version_record(
                key_of(asset), partition_key=batch or None
            )
            assert record is not None, f"{cell} is not in Dagster's event log"
            version = extract_data_version_from_entry(record.event_log_entry)
            assert version is not None
            found[cell] = version.value
    return found


def stale(shell: Shell, asset: str, env: str = "dev") -> set[str]:
    """Return the batches that Dagster's page marks as not in step with what they are made from."""
    cells = [cell.partition("@") for cell in shell.digests(env)]
    with shell.dagster(env) as instance:
        graph = definitions(planner_here()).resolve_asset_graph()
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        status = {b: resolver.get_status(key_of(asset), b) for name, _, b in cells if name == asset}
    return {batch for batch, found in status.items() if found is StaleStatus.STALE}


def checks(
    shell: Shell, asset: str, name: str, env: str = "dev"
) -> dict[str, AssetCheckExecutionRecordStatus | None]:
    """Return batch -> the status of a partitioned check."""
    key = dg.AssetCheckKey(key_of(asset), name)
    with shell.dagster(env) as instance:
        rows = instance.event_log_storage.get_asset_check_partition_info([key])
        # The row without a partition is the verdict over all of them.
        return {row.partition_key: row.latest_execution_status for row in rows if row.partition_key}


def check(
    shell: Shell, asset: str, name: str, batch: str | None = None, env: str = "dev"
) -> dg.AssetCheckEvaluation:
    """Return the latest evaluation of a check, of one batch or of all."""
    key = dg.AssetCheckKey(key_of(asset), name)
    with shell.dagster(env) as instance:
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    for record in records:
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        if evaluation.partition == batch:
            return evaluation
    raise AssertionError(f"no evaluation of {name} of {asset} for {batch}")


def runs(shell: Shell, env: str = "dev") -> dict[str, str]:
    """Return run id -> status, newest first."""
    with shell.dagster(env) as instance:
        return {run.run_id: run.status.value for run in instance.get_runs()}
