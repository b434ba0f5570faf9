"""Days of requests go when they are too old, except those that a decision names."""

from __future__ import annotations

from datetime import UTC, datetime

from ml_assets.cli.retention import expire
from ml_assets.engine.sealing import seal
from ml_assets.operations.retention import expired, past
from ml_assets_tests.asked import FAR, MADE, ids, keep, write
from ml_assets_tests.projects import Toy

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAYS = ["2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"]


def sealed(toy: Toy, retention: str) -> None:
    """Seal four days, one request each."""
    keep(toy, f"{{retention: {retention}}}")
    for day in DAYS:
        write(toy, day, f"of {day}")
    planner = toy.planner()
    seal(planner.home, planner.project, MADE, FAR)


def test_a_day_goes_after_its_time_and_leaves_a_tombstone(toy: Toy) -> None:
    sealed(toy, "2 days")
    assert not toy.make(f"group:{MADE}").faults
    planner = toy.planner()
    assert expire(planner, datetime(2026, 3, 2, tzinfo=UTC)) == []
    assert expire(planner, NOW) == [f"{MADE}@2026-02-28", f"{MADE}@2026-03-01"]
    assert list(ids(toy)) == DAYS[2:]
    assert sorted(planner.home.records.held("dev", f"{MADE}/cleaned")) == DAYS[2:]
    stones = planner.home.removals.forgettings()
    assert [(s.batch, s.rows, s.reason) for s in stones] == [
        ("2026-02-28", None, "older than 2 days"),
        ("2026-03-01", None, "older than 2 days"),
    ]
    assert expire(planner, NOW) == []
    assert not toy.make(f"group:{MADE}").faults


def test_a_day_that_a_decision_names_stays(toy: Toy) -> None:
    sealed(toy, "1 day")
    planner = toy.planner()
    home, project = planner.home, planner.project
    named = home.batches.landed()[MADE, DAYS[1]][0].digest
    home.promotions.append(
        "prod",
        "forecast",
        action="promoted",
        version=0,
        digest="d1:" + "0" * 64,
        expected=None,
        actor="ann",
        reason="a test",
        evidence={"requests": named},
    )
    assert [day for _, day in past(home, project, NOW)] == DAYS[:3]
    assert [day for _, day in expired(home, project, NOW)] == [DAYS[0], DAYS[2]]
