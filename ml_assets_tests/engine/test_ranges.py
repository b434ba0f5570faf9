"""From plans to runs: assets by contiguous ranges of batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.assets.cells import Cell
from ml_assets.assets.edges import partitioned
from ml_assets.engine.plan import Plan, Planned
from ml_assets.engine.ranges import RunSpec, runs, untried, without
from ml_assets.spec.project import Project
from ml_assets_tests.projects import MONTHS

BATCHED = ["sales/raw", "sales/cleaned", "prices/raw", "forecast/features"]
SINGLE = ["forecast/candidate", "forecast/evaluation_report"]


def _planned(asset: str, month: str, status: str) -> Planned:
    if status == "publish":
        return Planned(Cell(asset, month), "reuse", "", publish=True)
    return Planned(Cell(asset, month), status, "")  # type: ignore[arg-type]


def _runs(
    project: Project, cells: dict[str, str], order: Sequence[str] = MONTHS[:4]
) -> list[tuple[str, str | None, str | None]]:
    """Plan `asset -> one letter a month`: r(un) m(aybe) p(ublish) = reused, w(aits), . absent."""
    status = {"r": "run", "m": "maybe", "p": "publish", "=": "reuse", "w": "wait"}
    plan = Plan(
        [
            _planned(asset, month, status[letter])
            for asset, letters in cells.items()
            for month, letter in zip(MONTHS if len(letters) > 1 else [""], letters, strict=False)
            if letter != "."
        ]
    )
    found = runs(plan, project, {"month": order})
    assert {spec.calendar for spec in found} <= {"month"}
    return [(" ".join(spec.assets), spec.first, spec.last) for spec in found]


JAN, FEB, MAR, APR = MONTHS[:4]


def test_nothing_to_do_needs_no_run(project: Project) -> None:
    assert _runs(project, {"sales/raw": "==w.", "forecast/candidate": "="}) == []


def test_many_batches_are_one_run(project: Project) -> None:
    assert _runs(project, {"sales/raw": "rrrr"}) == [("sales/raw", JAN, APR)]


def test_it_is_as_short_as_possible(project: Project) -> None:
    assert _runs(project, {"sales/raw": "=rr="}) == [("sales/raw", FEB, MAR)]


def test_a_gap_of_reused_batches_is_published_along(project: Project) -> None:
    assert _runs(project, {"sales/raw": "r==m"}) == [("sales/raw", JAN, APR)]


@pytest.mark.parametrize("gap", ["w", "."])
def test_batches_that_wait_or_are_absent_split(project: Project, gap: str) -> None:
    found = _runs(project, {"sales/raw": f"r{gap}rp"})
    assert found == [("sales/raw", JAN, JAN), ("sales/raw", MAR, APR)]


def test_assets_go_together_where_both_are_there(project: Project) -> None:
    found = _runs(project, {"sales/raw": "rrrr", "forecast/features": "rrww"})
    assert found == [("sales/raw forecast/features", JAN, FEB), ("sales/raw", MAR, APR)]


def test_an_asset_with_nothing_to_do_in_a_range_is_left_out(project: Project) -> None:
    found = _runs(project, {"sales/raw": "rr.r", "sales/cleaned": "==.r"})
    assert found == [("sales/raw", JAN, FEB), ("sales/raw sales/cleaned", APR, APR)]


def test_ranges_follow_the_order_of_insertion(project: Project) -> None:
    # February came last: it stands at the end for Dagster.
    order = [JAN, MAR, APR, FEB]
    assert _runs(project, {"sales/raw": "rrr="}, order) == [("sales/raw", JAN, FEB)]
    assert _runs(project, {"sales/raw": "=rr="}, order) == [("sales/raw", MAR, FEB)]
    assert _runs(project, {"sales/raw": "=r=="}, order) == [("sales/raw", FEB, FEB)]


def test_unpartitioned_assets_go_with_the_last_range(project: Project) -> None:
    found = _runs(project, {"sales/raw": "rwrr", "forecast/candidate": "m"})
    assert found == [("sales/raw", JAN, JAN), ("sales/raw forecast/candidate", MAR, APR)]


def test_unpartitioned_assets_alone_have_no_range(project: Project) -> None:
    cells = {"sales/raw": "====", "forecast/candidate": "r", "forecast/evaluation_report": "m"}
    assert _runs(project, cells) == [(" ".join(SINGLE), None, None)]


def test_snapshots_go_with_the_first_run(project: Project) -> None:
    snapshot = project.datasets["prices"].model_copy(update={"calendar": None})
    mixed = Project({**project.datasets, "prices": snapshot}, project.models)
    snapshot_cell = _planned("prices/raw", "", "run")
    assert runs(Plan([snapshot_cell]), mixed, {}) == [RunSpec(None, ("prices/raw",))]
    batches = [_planned("sales/raw", month, "run") for month in (JAN, MAR)]
    assert runs(Plan([*batches, snapshot_cell]), mixed, {"month": [JAN, FEB, MAR]}) == [
        RunSpec("month", ("prices/raw", "sales/raw"), JAN, JAN),
        RunSpec("month", ("sales/raw",), MAR, MAR),
    ]


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(BATCHED), st.text("rmp=w.", min_size=len(MONTHS), max_size=len(MONTHS))
    ),
    st.dictionaries(st.sampled_from(SINGLE), st.sampled_from("rm=pw")),
    st.permutations(MONTHS),
)
def test_every_cell_to_do_is_covered_once_and_no_waiting_one(
    project: Project, batched: dict[str, str], single: dict[str, str], order: Sequence[str]
) -> None:
    found = _runs(project, {**batched, **single}, order)
    inside: list[tuple[str, str]] = []
    for assets, first, last in found:
        for asset in assets.split():
            if partitioned(project, asset):
                assert first is not None
                assert last is not None
                span = order[order.index(first) : order.index(last) + 1]
                inside += [(asset, month) for month in span]
            else:
                inside.append((asset, ""))
    todo = [
        (asset, month)
        for asset, letters in batched.items()
        for month, letter in zip(MONTHS, letters, strict=True)
        if letter in "rmp"
    ]
    todo += [(asset, "") for asset, letter in single.items() if letter in "rmp"]
    assert len(inside) == len(set(inside))
    assert set(todo) <= set(inside)
    for asset, month in inside:
        letter = batched[asset][MONTHS.index(month)] if month else single[asset]
        assert letter in "rmp="
    last_assets = found[-1][0].split() if found else []
    assert {asset for asset, month in todo if not month} <= set(last_assets)


def test_what_is_made_from_a_failed_asset_is_left_out_of_later_runs(project: Project) -> None:
    spec = RunSpec("month", ("sales/raw", "forecast/features", "forecast/candidate"), MAR, APR)
    assert without(spec, set(), project) == spec
    kept = RunSpec("month", ("sales/raw", "forecast/features"), MAR, APR)
    assert without(spec, {"forecast/features"}, project) == kept
    assert without(spec, {"sales/raw", "sales/cleaned"}, project) == RunSpec(
        "month", ("sales/raw",), MAR, APR
    )
    single = RunSpec("month", ("prices/quality_report", "forecast/candidate"), MAR, APR)
    assert without(single, {"prices/cleaned"}, project) is None
    trained = RunSpec("month", ("forecast/features", "forecast/candidate"), MAR, APR)
    assert without(trained, {"prices/cleaned"}, project) is None
    free = RunSpec("month", ("forecast/candidate",), MAR, APR)
    assert without(free, {"sales/quality_report"}, project) == replace(free, first=None, last=None)


def test_a_range_that_ended_keeps_no_other_back(project: Project) -> None:
    first = RunSpec("month", ("forecast/features",), JAN, FEB)
    last = RunSpec("month", ("sales/raw", "forecast/features", "forecast/candidate"), APR, APR)
    specs = [first, last]
    assert untried(specs, {}, project) == first
    assert untried(specs, {first.name: True}, project) == last
    # February's features failed: April's are made, and no candidate.
    finished = RunSpec("month", ("sales/raw", "forecast/features"), APR, APR)
    assert untried(specs, {first.name: False}, project) == finished
    assert untried(specs, {first.name: False, finished.name: True}, project) is None
    # What it began with counts as failed, with all that its step makes.
    whole = RunSpec("month", ("sales/raw", "sales/cleaned", "forecast/features"), JAN, FEB)
    later = RunSpec("month", ("sales/raw", "sales/cleaned", "forecast/features"), APR, APR)
    left = RunSpec("month", ("sales/raw", "sales/cleaned"), APR, APR)
    assert untried([whole, later], {whole.name: False}, project) == left
