"""Dagster's storages with open connections: the same content, and no connection to a lost file."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.instance import InstanceRef

from ml_assets.graph.settings import settings
from ml_assets.graph.storage import PooledEventLogStorage, PooledRunStorage
from ml_assets.workspace import PACKAGE

KEY = dg.AssetKey(["sales", "cleaned"])


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings(str(tmp_path))))
    return dg.DagsterInstance.from_config(str(tmp_path))


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
    """Return the instance of a bare `dagster dev` in the project's folder, for a home elsewhere."""
    monkeypatch.setenv("ML_ASSETS_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("ML_ASSETS_ENV", "prod")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    ref = InstanceRef.from_dir(str(temporary), config_dir=str(PACKAGE.parent))
    return dg.DagsterInstance.from_ref(ref)


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


def test_bare_dagster_dev_keeps_its_history_in_the_home_in_use(
    bare: dg.DagsterInstance, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere" / "environments" / "prod" / "dagster"
    with bare:
        put(bare, "d1:a")
        assert Path(bare.storage_directory()) == folder / "storage"
    with dg.DagsterInstance.from_config(str(folder)) as of_the_home:
        assert version(of_the_home) == "d1:a"
    assert {path.name for path in folder.iterdir()} >= {"dagster.yaml", "history", "schedules"}
    assert list((tmp_path / "temporary").iterdir()) == []
