"""A plan leaves out batches that have not moved, and sees whatever does move."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.engine.plan import Planner
from ml_assets.engine.sealing import seal
from ml_assets.engine.session import Session
from ml_assets.engine.settled import FILE, candidates, drop
from ml_assets_tests.asked import FAR, MADE, keep, write
from ml_assets_tests.projects import Toy, copied, toy_project

DAYS = [f"2026-03-0{number}" for number in range(1, 6)]
GROUP = f"group:{MADE}"


def add(toy: Toy, day: str) -> None:
    """Seal a day, make its tables and show them."""
    write(toy, day, f"of {day}")
    planner = toy.planner()
    seal(planner.home, planner.project, MADE, FAR)
    assert not toy.make(GROUP).faults
    toy.publish()


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """Give five days of requests, made and shown; for copies only."""
    with toy_project(tmp_path_factory.mktemp("five")) as found:
        keep(found)
        for day in DAYS:
            add(found, day)
        yield found


@pytest.fixture
def days(five: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give five days of requests that a plan has looked at."""
    with copied(five, tmp_path / "project") as found:
        planner = found.planner()
        assert walked(planner) == {f"{MADE}/{k}@{d}" for k in KINDS for d in DAYS}
        yield found


KINDS = ("batch", "quality_report")


def walked(planner: Planner) -> set[str]:
    """Plan, and return the units of the dataset whose recipes were asked."""
    sessions: list[Session] = []
    real = planner.session

    def noted() -> Session:
        sessions.append(real())
        return sessions[-1]

    planner.session = noted  # type: ignore[method-assign, assignment]
    planner.plan(GROUP, look=False)
    return {str(unit) for session in sessions for unit in session._made}


def to_run(toy: Toy) -> set[str]:
    return {str(item.cell) for item in toy.plan(GROUP).todo}


def test_what_is_settled_is_not_walked_and_planned_all_the_same(days: Toy) -> None:
    first = [(str(i.cell), i.status, i.reason) for i in days.plan(GROUP).cells]
    assert walked(days.planner()) == set()
    drop(days.planner().home)
    assert [(str(i.cell), i.status, i.reason) for i in days.plan(GROUP).cells] == first
    assert len(first) == 20


def test_a_new_day_is_walked_with_the_days_that_it_is_compared_with(days: Toy) -> None:
    add(days, "2026-03-06")
    new = {f"{MADE}/{kind}@2026-03-06" for kind in KINDS}
    reference = {f"{MADE}/batch@{day}" for day in DAYS[:3]}
    assert walked(days.planner()) == new | reference
    assert walked(days.planner()) == set()


def test_a_withdrawn_day_is_seen_and_so_is_the_reference_without_it(days: Toy) -> None:
    home = days.planner().home
    assert home.batches.withdraw("dev", MADE, DAYS[4], "a test")
    assert to_run(days) == {f"{MADE}/{name}@{DAYS[4]}" for name in NAMES}
    assert home.batches.withdraw("dev", MADE, DAYS[0], "a test")
    reports = {f"{MADE}/quality_report@{day}" for day in DAYS}
    assert to_run(days) >= reports


NAMES = ("raw", "cleaned", "quarantine", "quality_report")


def test_an_edit_of_the_spec_is_seen(days: Toy) -> None:
    assert to_run(days) == set()
    days.edit(
        "toy/defs/sales/defs.yaml", "range: [-100, 1000], known_at: closing", "known_at: opening"
    )
    assert to_run(days) >= {f"{MADE}/raw@{day}" for day in DAYS}


def test_lost_content_is_seen(days: Toy) -> None:
    home = days.planner().home
    held = home.records.held("dev", f"{MADE}/raw")[DAYS[1]]
    os.unlink(home.objects.path(held.outputs["raw"].digest))
    assert f"{MADE}/raw@{DAYS[1]}" in to_run(days)


def test_a_damaged_note_leads_to_a_whole_walk(days: Toy) -> None:
    (days.planner().home.folder / FILE).write_text("{")
    assert len(walked(days.planner())) == 10
    assert walked(days.planner()) == set()


def test_what_a_model_reads_is_always_walked(days: Toy) -> None:
    assert candidates(days.planner().project) == [MADE]
