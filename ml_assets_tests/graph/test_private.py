"""What is used of Dagster without its promise: each name, and what of it is used."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.graph.private import code_server, names, states, storage, webserver
from ml_assets_tests.processes import ROOT

PACKAGE = ROOT / "ml_assets"


def test_nothing_else_names_what_is_private() -> None:
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if "dagster._" in path.read_text(encoding="utf-8")
    ]
    assert found
    assert all(name.startswith("graph/private/") for name in found), found


@pytest.mark.parametrize(
    ("base", "replaced"),
    [
        (storage.ConsolidatedSqliteEventLogStorage, {"_connect"}),
        (storage.SqliteRunStorage, {"connect"}),
    ],
)
def test_storages_reach_their_file_by_methods_that_ours_replace(
    base: type, replaced: set[str]
) -> None:
    # Renamed, every statement would open a connection of its own again, unseen.
    assert replaced <= set(vars(base))
    assert {"config_type", "from_config_value"} <= set(dir(base))


@pytest.mark.parametrize("named", [names.SCHEDULES, names.ARTIFACTS, names.NO_COMPUTE_LOGS])
def test_a_dagster_yaml_can_name_them(named: dict[str, str]) -> None:
    found = getattr(importlib.import_module(named["module"]), named["class"])
    assert callable(found.from_config_value)


def test_schedules_and_artifacts_are_those_that_are_named() -> None:
    assert storage.SqliteScheduleStorage.__name__ == names.SCHEDULES["class"]
    assert storage.SqliteScheduleStorage.__module__.startswith(names.SCHEDULES["module"])
    assert storage.LocalArtifactStorage.__name__ == names.ARTIFACTS["class"]


def test_a_code_server_is_asked_to_load_anew() -> None:
    client = code_server.DagsterGrpcClient(port=1)
    assert "timeout" in inspect.signature(client.reload_code).parameters
    with pytest.raises(code_server.DagsterUserCodeUnreachableError):
        client.reload_code(timeout=1)


def test_instances_are_asked_by_states() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for status in (states.BulkActionStatus.REQUESTED, states.BulkActionStatus.CANCELING):
            assert list(instance.get_backfills(status=status)) == []
        assert "tick_statuses" in inspect.signature(instance.purge_ticks).parameters
    assert states.TickStatus.SKIPPED != states.TickStatus.STARTED


def test_the_page_is_an_application_that_can_be_wrapped(tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    target = webserver.WorkspaceFileTarget([str(tmp_path / "workspace.yaml")])
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        webserver.WorkspaceProcessContext(
            instance, target, version=webserver.__version__
        ) as context,
    ):
        app = webserver.create_app_from_workspace_process_context(context, "", 2000)
        assert callable(app)
        assert {"/graphql", "/server_info"} <= {getattr(route, "path", "") for route in app.routes}
