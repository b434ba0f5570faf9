"""Two projects on one home, one of which reads a dataset of the other: nothing of Dagster here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.assets.edges import asset_keys
from ml_assets.engine.fingerprint import fingerprint
from ml_assets.engine.plan import Plan
from ml_assets.errors import HomeError, RequestError, SelectionError, SpecError
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import read_for, read_project
from ml_assets.workspace import PACKAGE
from ml_assets_tests.neighbours import SHOP_SALES, Street, street
from ml_assets_tests.projects import FORECAST, MONTHS, Toy, copied, sales

LATER = "2020-07"


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[Street]:
    """Give both; the sales are the shop's, the prices the reader's own."""
    with street(tmp_path, "sales") as made:
        yield made


@pytest.fixture
def cleaned(projects: Street) -> Street:
    """Give both, four months of sales cleaned by the shop and of prices landed by the reader."""
    for month in MONTHS[:4]:
        projects.shop.land("sales", month)
    projects.clean()
    for month in MONTHS[:4]:
        projects.toy.land("prices", month)
    return projects


def _run(plan: Plan) -> dict[str, str]:
    return {str(item.cell): item.reason for item in plan.cells if item.status == "run"}


def _mistake(projects: Street, old: str = "", new: str = "") -> str:
    if old:
        projects.toy.edit(FORECAST, old, new)
    with pytest.raises(SpecError) as error:
        projects.toy.planner()
    return str(error.value)


def test_what_two_projects_make_has_the_digests_of_one(tmp_path: Path, predicting: Toy) -> None:
    with (
        street(tmp_path, "sales", "prices") as projects,
        copied(predicting, tmp_path / "one") as one,
    ):
        projects.shop.land_all()
        projects.clean()
        assert not projects.toy.make().faults
        both, alone = (toy.planner().home for toy in (projects.toy, one))
        found, wanted = (
            {
                cell: (c.digest, dict(c.actions))
                for cell, c in home.records.all_current("dev").items()
            }
            for home in (both, alone)
        )
        # A release says when its champion was promoted.
        assert {c for c in wanted if found.get(c) != wanted[c]} == {("forecast/release", "")}
        assert found.keys() == wanted.keys()
        assert {str(item.cell) for item in projects.toy.plan().having("run")} == set()


def test_the_reader_has_no_cell_of_what_it_borrows(cleaned: Street) -> None:
    planner = cleaned.toy.planner()
    assert {key.split("/")[0] for key in asset_keys(planner.project)} == {"prices", "forecast"}
    plan = cleaned.toy.plan()
    assert {item.cell.group for item in plan.cells} == {"prices", "forecast"}
    features = {f"forecast/features@{month}" for month in MONTHS[:4]}
    assert features <= set(_run(plan))
    ran = cleaned.toy.make()
    assert not ran.faults
    assert features <= ran.having("executed")
    assert not any(cell.startswith("sales/") for cell in ran.states)


def test_a_correction_counts_once_the_shop_has_cleaned_it(cleaned: Street) -> None:
    assert not cleaned.toy.make().faults
    cleaned.shop.land("sales", MONTHS[1], sales(MONTHS[1], extra=3.0))
    assert _run(cleaned.toy.plan()) == {}
    before = fingerprint(cleaned.toy.workspace(), cleaned.toy.planner().home)
    cleaned.clean()
    assert fingerprint(cleaned.toy.workspace(), cleaned.toy.planner().home) != before
    run = _run(cleaned.toy.plan())
    assert f"forecast/features@{MONTHS[1]}" in run
    assert f"forecast/features@{MONTHS[0]}" not in run
    assert run[f"forecast/features@{MONTHS[1]}"].startswith("input shop:sales ")
    ran = cleaned.toy.make()
    assert "forecast/candidate" in ran.having("executed")


def test_a_new_batch_is_there_once_it_is_cleaned(cleaned: Street) -> None:
    assert not cleaned.toy.make().faults
    cleaned.shop.land("sales", LATER)
    cleaned.toy.land("prices", LATER)
    assert not {c for c in _run(cleaned.toy.plan()) if c.startswith("forecast/")}
    cleaned.clean()
    assert f"forecast/features@{LATER}" in _run(cleaned.toy.plan())


def test_a_joined_batch_that_is_not_cleaned_is_waited_for(tmp_path: Path) -> None:
    with street(tmp_path, "prices") as projects:
        projects.shop.land("prices", MONTHS[0])
        projects.clean()
        projects.shop.land("prices", MONTHS[1])
        for month in MONTHS[:2]:
            projects.toy.land("sales", month)
        ran = projects.toy.make("+forecast/features")
        assert ran.states[f"forecast/features@{MONTHS[0]}"] == "executed"
        assert ran.states[f"forecast/features@{MONTHS[1]}"] == "waiting"
        said = ran.details[f"forecast/features@{MONTHS[1]}"]
        assert f"prices/cleaned@{MONTHS[1]} is made by project shop, and is not there yet" in said
        projects.clean()
        assert not projects.toy.make("+forecast/features").having("waiting")


def test_a_withdrawn_batch_is_gone_for_the_reader(cleaned: Street) -> None:
    assert not cleaned.toy.make().faults
    home = cleaned.shop.planner().home
    assert home.batches.withdraw("dev", "sales", MONTHS[3], "wrong prices")
    cleaned.clean()
    assert f"forecast/features@{MONTHS[3]}" in _run(cleaned.toy.plan())
    assert not cleaned.toy.make().faults
    held = cleaned.toy.planner().home.records.current("dev", "forecast/features", MONTHS[3])
    assert held is not None
    assert held.outputs["features"].rows == 0


def test_names_that_are_not_there(projects: Street) -> None:
    said = _mistake(projects)
    assert "dataset: no project 'shop' on this home and environment" in said
    assert "available: none." in said
    projects.shop.plan()
    assert "no batch of shop:sales was cleaned in this environment yet" in _mistake(projects)
    assert "`ml-assets run` in project shop does" in _mistake(projects)
    said = _mistake(projects, "shop:sales", "shop:sale")
    assert "project shop has no dataset 'sale'; did you mean 'sales'? available: sales" in said
    said = _mistake(projects, "shop:sale", "shopp:sales")
    assert "no project 'shopp' on this home and environment; did you mean 'shop'?" in said
    assert "available: shop (sales)." in said
    said = _mistake(projects, "shopp:sales", "shop:prices")
    assert "this project has 'prices' itself, and a home has one dataset of a name" in said
    said = _mistake(projects, "shop:prices", "my shop:sales")
    assert "wanted PROJECT:DATASET (like 'shop:sales')" in said


def test_another_environment_has_its_own(cleaned: Street) -> None:
    with pytest.raises(SpecError, match="no project 'shop' on this home and environment"):
        cleaned.toy.planner("prod")


def test_the_contract_is_that_of_the_rows_which_are_there(cleaned: Street) -> None:
    old = "    units: {type: number, range: [-100, 1000], known_at: closing}\n"
    cleaned.shop.edit(SHOP_SALES, old, "")
    cleaned.shop.edit(
        SHOP_SALES,
        "  filters:\n    - {id: returned, expression: units < 0, reason: A return is no sale.}\n",
        "",
    )
    cleaned.shop.plan()
    assert "units" in cleaned.toy.planner().project.datasets["sales"].columns
    assert not cleaned.toy.make().faults
    cleaned.clean()
    said = _mistake(cleaned)
    assert "target: no column 'units'" in said
    assert "(sales is of project shop, as it was cleaned last)" in said


def test_a_calendar_of_the_same_name_is_the_same(cleaned: Street) -> None:
    cleaned.toy.edit(
        "toy/defs/prices/defs.yaml",
        "  calendar: month\n",
        "  calendar: {name: month, order: '%Y-%m'}\n",
    )
    said = _mistake(cleaned)
    assert "toy/defs/forecast/defs.yaml" in said
    assert "dataset: calendar of sales: order " in said
    assert "wanted the same order on all datasets of 'month'" in said


def test_what_only_the_shop_can_do(cleaned: Street) -> None:
    planner = cleaned.toy.planner()
    for dataset in ("sales", "shop:sales"):
        with pytest.raises(RequestError, match="sales is a dataset of project shop: its rows land"):
            read_for(cleaned.toy.workspace().defs, dataset)
        with pytest.raises(RequestError, match="Run the command in the folder of shop"):
            planner.project.mine(dataset)
    for selection in ("sales/cleaned", "group:sales", "+sales/raw", "shop:sales/cleaned"):
        with pytest.raises(SelectionError, match="which alone makes its assets"):
            cleaned.toy.plan(selection)
    assert cleaned.toy.plan("+forecast/features").todo


def test_one_home_has_one_dataset_of_a_name(cleaned: Street) -> None:
    cleaned.toy.edit(FORECAST, "shop:sales", "sales")
    text = (cleaned.shop.root / SHOP_SALES).read_text()
    (cleaned.toy.root / "toy/defs/sales").mkdir()
    (cleaned.toy.root / "toy/defs/sales/defs.yaml").write_text(text)
    with pytest.raises(HomeError) as error:
        cleaned.toy.planner()
    said = str(error.value)
    assert "project toy defines what other projects of this home make in environment dev" in said
    assert "shop:sales" in said
    assert "[tool.ml_assets] formerly = ['shop']" in said
    pyproject = cleaned.toy.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + "\n[tool.ml_assets]\nformerly = ['shop']\n")
    assert not {cell for cell in _run(cleaned.toy.plan()) if cell.startswith("sales/")}
    with pytest.raises(HomeError, match="toy:sales"):
        cleaned.shop.planner()


def test_a_claim_holds_a_whole_spec() -> None:
    for spec in read_project(PACKAGE / "defs").own.values():
        text = spec.model_dump_json(exclude_defaults=True, exclude={"checks"})
        found = DatasetSpec.model_validate_json(text)
        assert found == spec.model_copy(update={"checks": {}})
        assert list(found.columns) == list(spec.columns)


def test_a_model_needs_labels_that_the_shop_waits_for(projects: Street) -> None:
    projects.shop.edit(SHOP_SALES, "  time: day\n", "  time: day\n  labels: later\n")
    projects.shop.land("sales", MONTHS[0])
    projects.clean()
    said = _mistake(projects)
    assert "sales has `labels: later`, and no model of project shop waits for units" in said


def test_workspaces_know_their_names(projects: Street) -> None:
    assert projects.shop.workspace().project == "shop"
    assert dataclasses.replace(projects.toy.workspace(), module="ml_assets.defs").project == (
        "ml_assets"
    )
