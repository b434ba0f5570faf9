"""Dagster's storages with open connections: the same content, and no connection to a lost file."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml

from ml_assets.graph.settings import settings
from ml_assets.graph.storage import PooledEventLogStorage, PooledRunStorage

KEY = dg.AssetKey(["sales", "cleaned"])


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings(str(tmp_path))))
    return dg.DagsterInstance.from_config(str(tmp_path))


def put(instance: dg.DagsterInstance, version: str) -> None:
    event = dg.AssetMaterialization(KEY, tags={"dagster/data_version": version})
    instance.report_runless_asset_event(event)


def version(instance: dg.DagsterInstance) -> str | None:
    found = instance.get_latest_materialization_event(KEY)
    return None if found is None else found.asset_materialization.tags["dagster/data_version"]


def test_events_are_read_back_by_dagsters_own_storage(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with instance:
        assert isinstance(instance.event_log_storage, PooledEventLogStorage)
        assert isinstance(instance.run_storage, PooledRunStorage)
        put(instance, "d1:a")
        assert version(instance) == "d1:a"
    plain = settings(str(tmp_path))
    for name, module, kind in (
        ("run_storage", "runs", "SqliteRunStorage"),
        ("event_log_storage", "event_log", "ConsolidatedSqliteEventLogStorage"),
    ):
        plain[name] |= {"module": f"dagster._core.storage.{module}", "class": kind}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(plain))
    with dg.DagsterInstance.from_config(str(tmp_path)) as other:
        assert version(other) == "d1:a"


def test_a_file_put_in_place_of_another_is_used(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with instance:
        put(instance, "d1:a")
        events = Path(instance.event_log_storage.get_db_path())
        saved = events.with_suffix(".copy")
        with instance.event_log_storage.index_connection() as db:
            db.exec_driver_sql(f"VACUUM INTO '{saved}'")
        put(instance, "d1:b")
        for side in ("-wal", "-shm"):
            Path(f"{events}{side}").unlink(missing_ok=True)
        saved.replace(events)
        assert version(instance) == "d1:a"
