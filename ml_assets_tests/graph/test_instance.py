"""Dagster's batches follow the calendar, whatever arrived when."""

from __future__ import annotations

import dagster as dg
import pytest

from ml_assets.assets.cells import Cell
from ml_assets.engine.plan import Plan, Planned
from ml_assets.graph.instance import register_batches
from ml_assets.spec.project import Project, read_project
from ml_assets_tests.projects import write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("specs")
    write_project(root)
    return read_project(root / "toy" / "defs")


def _plan(*batches: str) -> Plan:
    return Plan([Planned(Cell("sales/raw", batch), "run", "") for batch in batches])


def test_batches_are_added_anew_where_their_order_is_not_the_calendars(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:

        def register(*batches: str, busy: bool = False) -> list[str]:
            found = register_batches(instance, project, _plan(*batches), busy=busy)["month"]
            assert list(instance.get_dynamic_partitions("month")) == found
            return list(found)

        assert register("9", "8") == ["8", "9"]
        event = dg.AssetMaterialization(["sales", "raw"], partition="9")
        instance.report_runless_asset_event(event)
        # A run that is open holds a range: nothing is moved.
        assert register("7", "9", "10", busy=True) == ["8", "9", "7", "10"]
        assert register("11") == ["7", "8", "9", "10", "11"]
        known = instance.get_materialized_partitions(dg.AssetKey(["sales", "raw"]))
        assert known == {"9"}
        assert register("9") == ["7", "8", "9", "10", "11"]
