"""The static graph of assets."""

from __future__ import annotations

from ml_assets.assets.cells import Cell, Unit, unit_of
from ml_assets.assets.edges import asset_keys, edges, partitioned, reverse, walk
from ml_assets.spec.project import Project

BATCHED = ("landing", "raw", "cleaned", "quarantine", "quality_report")
CHAIN = {"a": (), "b": ("a",), "c": ("b",), "d": ("b", "c")}


def test_edges_are_every_asset_in_data_flow_order(project: Project) -> None:
    graph = edges(project)
    assert list(graph) == asset_keys(project)
    assert graph["forecast/features"] == ("sales/cleaned", "prices/cleaned")
    assert graph["forecast/candidate"] == (
        "forecast/features",
        "forecast/train_split",
        "forecast/validation_split",
    )
    seen: set[str] = set()
    for asset, sources in graph.items():
        assert seen.issuperset(sources)
        seen.add(asset)


def test_what_has_a_partition_for_each_batch(project: Project) -> None:
    batched = {asset for asset in edges(project) if partitioned(project, asset)}
    assert batched == {
        *(f"{d}/{n}" for d in ("prices", "sales") for n in BATCHED),
        "forecast/features",
        "forecast/predictions",
    }
    snapshot = project.datasets["sales"].model_copy(update={"calendar": None})
    alone = Project({**project.datasets, "sales": snapshot}, project.models)
    assert not any(partitioned(alone, asset) for asset in ("sales/raw", "forecast/features"))


def test_walks_by_depth() -> None:
    assert walk(CHAIN, {"d"}, None) == {"a", "b", "c", "d"}
    assert walk(CHAIN, {"d"}, 1) == {"b", "c", "d"}
    assert walk(CHAIN, {"d"}, 0) == {"d"}
    assert walk(reverse(CHAIN), {"a"}, 1) == {"a", "b"}
    assert reverse(CHAIN) == {"a": ("b",), "b": ("c", "d"), "c": ("d",), "d": ()}


def test_cells_and_units() -> None:
    cell = Cell("sales/cleaned", "2020-01")
    assert (str(cell), cell.group, cell.name) == ("sales/cleaned@2020-01", "sales", "cleaned")
    assert str(Cell("forecast/candidate")) == "forecast/candidate"
    assert unit_of(cell) == Unit("sales", "batch", "2020-01")
    assert str(unit_of(cell)) == "sales/batch@2020-01"
    assert str(Unit("forecast", "splits")) == "forecast/splits"
    assert cell in unit_of(cell).cells()
