"""The quality report in the plan: its reference, pinned, and what changes which report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.assets.cells import Cell
from ml_assets_tests.projects import MONTHS, REFUSED, Toy, copied, sales, toy_project

SALES = "toy/defs/sales/defs.yaml"
REPORTS = {f"sales/quality_report@{month}" for month in MONTHS}
DATA = "sales/raw or sales/cleaned or sales/quarantine or sales/quality_report"


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """Give a project with the reports of four months of sales."""
    with toy_project(tmp_path_factory.mktemp("quality") / "project") as project:
        for month in MONTHS[1:5]:
            project.land("sales", month)
        assert project.make(DATA).faults == []
        yield project


@pytest.fixture
def toy_(landed: Toy, tmp_path: Path) -> Iterator[Toy]:
    with copied(landed, tmp_path / "project") as project:
        yield project


def _figures(toy: Toy, month: str) -> dict[str, Any]:
    home = toy.planner().home
    current = home.records.current("dev", "sales/quality_report", month)
    assert current is not None
    found: dict[str, Any] = home.objects.json(current.outputs["figures"].digest)
    return found


def _checks(toy: Toy, month: str) -> dict[str, bool | None]:
    current = toy.planner().home.records.current("dev", "sales/quality_report", month)
    assert current is not None
    return {check["name"]: check["passed"] for check in current.checks}


def _pins(toy: Toy) -> Any:
    return toy.planner().home.pins.get("dev", "reference/sales/3")


def test_the_first_three_batches_are_pinned(landed: Toy) -> None:
    assert _pins(landed) == list(MONTHS[1:4])
    figures = _figures(landed, MONTHS[4])
    assert figures["reference"]["said"] == "the reference is pinned: 2020-02, 2020-03, 2020-04"
    assert figures["reference"]["in_reference"] is False
    assert _figures(landed, MONTHS[1])["reference"]["in_reference"] is True
    assert figures["rows"] == {"landed": 30, "parsed": 30, "cleaned": 27}
    assert set(_checks(landed, MONTHS[4])) == {"volume", "completeness", "drift", "selection_bias"}
    # `units` falls by one a month: small beside its spread of 5 with 27 rows.
    assert _checks(landed, MONTHS[4])["volume"] is True


def test_a_new_batch_and_a_late_old_one_change_no_other_report(toy_: Toy) -> None:
    before = toy_.digests()
    toy_.land("sales", MONTHS[0])
    toy_.land("sales", MONTHS[5])
    ran = toy_.make(DATA)
    assert ran.having("executed") & REPORTS == {
        f"sales/quality_report@{month}" for month in (MONTHS[0], MONTHS[5])
    }
    after = toy_.digests()
    assert {cell: after[cell] for cell in before} == before
    assert _pins(toy_) == list(MONTHS[1:4])


def test_a_correction_of_the_reference_changes_all_and_of_another_batch_itself(toy_: Toy) -> None:
    toy_.land("sales", MONTHS[4], sales(MONTHS[4], extra=3))
    assert toy_.make(DATA).having("executed") & REPORTS == {f"sales/quality_report@{MONTHS[4]}"}
    toy_.land("sales", MONTHS[2], sales(MONTHS[2], extra=3))
    assert toy_.make(DATA).having("executed") & REPORTS == {
        f"sales/quality_report@{month}" for month in MONTHS[1:5]
    }


def test_until_there_are_enough_batches_the_report_says_what_it_lacks(toy: Toy) -> None:
    toy.land("sales", MONTHS[0])
    assert toy.make(DATA).faults == []
    assert _pins(toy) is None
    said = "the reference will be the first 3 usable batches, so far there are 1"
    assert {"what": "drift", "why": said} in _figures(toy, MONTHS[0])["not_computed"]
    assert _checks(toy, MONTHS[0])["drift"] is None
    for month in MONTHS[1:3]:
        toy.land("sales", month)
    toy.make(DATA)
    assert _figures(toy, MONTHS[0])["reference"]["in_reference"] is True


def test_declared_batches_need_no_pin(toy_: Toy) -> None:
    toy_.edit(
        SALES,
        "  quarantine_budget: 0.1",
        "  quarantine_budget: 0.1\n  quality: {reference: {batches: [2020-03, 2020-09]}}",
    )
    toy_.make(DATA)
    assert _figures(toy_, MONTHS[4])["reference"]["said"] == (
        "the reference is as declared: 2020-03; not usable: 2020-09"
    )


def test_refused_and_withdrawn_batches_have_reports(toy_: Toy) -> None:
    toy_.land("sales", MONTHS[5], REFUSED)
    assert toy_.make(DATA).faults == []
    found = _figures(toy_, MONTHS[5])
    assert found["state"]["said"].startswith("the batch is refused: ")
    assert _checks(toy_, MONTHS[5])["drift"] is None
    planner = toy_.planner()
    planner.home.batches.withdraw("dev", "sales", MONTHS[4], "wrong store")
    planner.home.batches.withdraw("dev", "sales", MONTHS[1], "wrong store")
    assert toy_.make(DATA).faults == []
    assert _figures(toy_, MONTHS[4])["state"]["said"] == "the batch is withdrawn"
    assert _figures(toy_, MONTHS[2])["reference"]["said"].endswith("; not usable now: 2020-02")


def test_a_refused_correction_is_told_beside_the_good_landing(toy_: Toy) -> None:
    toy_.land("sales", MONTHS[4], REFUSED)
    toy_.make(DATA)
    found = _figures(toy_, MONTHS[4])
    assert found["rows"]["cleaned"] == 27
    assert found["state"]["said"].startswith("the newest file is refused: ")
    assert found["state"]["said"].endswith("this report is on the one before")


def test_an_edit_of_the_smallest_effect_leaves_the_thresholds(toy_: Toy) -> None:
    toy_.edit(
        SALES,
        "  quarantine_budget: 0.1",
        "  quarantine_budget: 0.1\n  quality: {smallest: {numeric: 0.9}}",
    )
    reasons = {str(item.cell): item.reason for item in toy_.plan(DATA).cells}
    said = reasons[f"sales/quality_report@{MONTHS[4]}"]
    assert "smallest.numeric 0.05→0.9" in said
    assert "reference" not in said


def test_a_snapshot_is_compared_with_its_first_file(toy: Toy) -> None:
    toy.edit("toy/defs/forecast/defs.yaml", ", previous: 1}", "}")
    toy.edit("toy/defs/prices/defs.yaml", "  calendar: month\n", "")
    toy.edit("toy/defs/prices/defs.yaml", "prices-(?P<batch>\\d{4}-\\d{2})\\.csv", "prices.*")
    planner = toy.planner()
    from ml_assets.engine.landing import land

    for price in (1.0, 9.0):
        source = toy.root / "prices.csv"
        source.write_text("store,price\n" + "".join(f"s{n},{price + n}\n" for n in range(40)))
        land(planner.home, planner.project, "prices", source, None)
        assert toy.make("group:prices").faults == []
    home = toy.planner().home
    current = home.records.current("dev", "prices/quality_report", "")
    assert current is not None
    figures = home.objects.json(current.outputs["figures"].digest)
    assert figures["reference"]["said"] == "the reference is the first landed file, prices.csv"
    assert figures["reference"]["in_reference"] is False
    (test,) = [t for t in figures["drift"] if t["kind"] == "numeric"]
    # 8 of 40 prices are above all of the reference, and 8 of its own below all of these.
    assert (test["column"], test["effect"]) == ("price", pytest.approx(0.2))
    assert Cell("prices/quality_report") == Cell(current.asset)
