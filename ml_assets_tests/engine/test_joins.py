"""Joined batches that are not there yet, or whose rows are too old."""

from __future__ import annotations

import pytest

from ml_assets_tests.projects import FORECAST, Toy, sales

PRICES = "toy/defs/prices/defs.yaml"
JOIN = "{dataset: prices, previous: 1}"
MONTH = "2020-01"
FEATURES = f"forecast/features@{MONTH}"


def prices(day: str) -> bytes:
    """Return prices as they were from a day on."""
    return f"store,price,day\nnorth,1,{day}\nsouth,2,{day}\nwest,3,{day}\n".encode()


def timed(toy: Toy) -> None:
    """Give prices a time."""
    toy.edit(PRICES, "  key: [store]", "  key: [store]\n  time: day")
    toy.edit(PRICES, "    price: {", "    day: {type: date}\n    price: {")


def values(toy: Toy) -> list[float | None]:
    """Return the prices of the features."""
    home = toy.planner().home
    held = home.records.current("dev", "forecast/features", MONTH)
    assert held is not None
    found: list[float | None] = home.objects.table(held.outputs["features"].digest)[
        "price"
    ].to_pylist()
    return found


def test_a_batch_waits_for_its_join_unless_it_may_be_missing(toy: Toy) -> None:
    toy.land("sales", MONTH, sales(MONTH, rows=3))
    ran = toy.make("+forecast/features")
    assert ran.states[FEATURES] == "waiting"
    assert f"prices/cleaned@{MONTH} was never materialized" in ran.details[FEATURES]
    toy.edit(FORECAST, JOIN, "{dataset: prices, previous: 1, stale: missing}")
    assert not toy.make("+forecast/features").faults
    assert values(toy) == [None] * 3
    toy.land("prices", MONTH)
    (cell,) = [item for item in toy.plan("+forecast/features").todo if str(item.cell) == FEATURES]
    assert cell.status in ("run", "maybe")
    assert not toy.make("+forecast/features").faults
    assert values(toy) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("stale", ["refuse", "missing"])
def test_rows_that_are_too_old_keep_a_batch_from_training(toy: Toy, stale: str) -> None:
    timed(toy)
    more = f"at: day, max_age: 2 days, stale: {stale}"
    toy.edit(FORECAST, JOIN, f"{{dataset: prices, previous: 1, {more}}}")
    toy.land("sales", MONTH, sales(MONTH, rows=4))
    toy.land("prices", MONTH, prices("2020-01-01"))
    assert not toy.make("+forecast/features").faults
    home = toy.planner().home
    held = home.records.current("dev", "forecast/features", MONTH)
    assert held is not None
    said = "1 row has no row of prices that is at most 2 days old, such as line 5"
    found = {check["name"]: check for check in held.checks}
    assert found["join_age"]["description"] == said
    assert found["join_leakage"]["passed"]
    refused = {"usable": False, "refused": said} if stale == "refuse" else {"usable": True}
    assert {name: held.facts[name] for name in refused} == refused
    toy.land("prices", MONTH, prices("2020-01-02"))
    assert not toy.make("+forecast/features").faults
    held = toy.planner().home.records.current("dev", "forecast/features", MONTH)
    assert held is not None
    assert held.facts["usable"] is (stale == "missing")


def test_what_becomes_of_old_rows_changes_no_feature(toy: Toy) -> None:
    timed(toy)
    toy.land("sales", MONTH, sales(MONTH, rows=3))
    toy.land("prices", MONTH, prices("2020-01-01"))
    toy.make("+forecast/features")
    more = "at: day, max_age: 9 days, stale: missing"
    toy.edit(FORECAST, JOIN, f"{{dataset: prices, previous: 1, {more}}}")
    ran = toy.make("+forecast/features")
    assert ran.seconds[FEATURES] > 0
    home = toy.planner().home
    versions = home.records.versions("forecast/features", MONTH)
    assert len(versions) == 1
