"""A batch's monitoring report: what it says, and that bad input costs no more than what it hits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.store.records import Current
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FORECAST, SALES, Toy, copied, sales, toy_project

FIRST = ("2020-01", "2020-02", "2020-03", "2020-04")
MAY, JUNE = "2020-05", "2020-06"
REPORT = "forecast/monitoring_report"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project with a champion after four months that is watched. For copies."""

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            toy.edit(SALES, "  time: day\n", "  time: day\n  labels: later\n")
            toy.edit(FORECAST, "test: 2", "test: 1")
            toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
            toy.edit(FORECAST, "  gate:", "  monitoring: {}\n  gate:")
            toy.land_all(FIRST)
            assert toy.make().faults == []

    return Toy(once(tmp_path_factory, "watched", make).resolve())


@pytest.fixture
def toy(watched: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a copy of that project."""
    with copied(watched, tmp_path / "project") as found:
        yield found


def lines(month: str) -> list[list[str]]:
    """Return a month of sales: sale, day, store, promo, units."""
    return [line.split(",") for line in sales(month).decode().splitlines()]


def land(toy: Toy, month: str, rows: list[list[str]]) -> None:
    """Land sales and prices of a month, and make what follows."""
    toy.land("sales", month, ("\n".join(",".join(row) for row in rows) + "\n").encode())
    toy.land("prices", month)
    assert toy.make().faults == []


def held(toy: Toy, month: str) -> Current | None:
    home = toy.planner().home
    return home.records.current(home.env, REPORT, month)


def figures(toy: Toy, month: str = MAY) -> dict[str, Any]:
    found = held(toy, month)
    assert found is not None
    assert b"<h1>forecast" in toy.planner().home.objects.read(found.outputs["report"].digest)
    document: dict[str, Any] = toy.planner().home.objects.json(found.outputs["figures"].digest)
    return document


def why(found: dict[str, Any], what: str) -> str:
    return "; ".join(entry["why"] for entry in found["not_computed"] if entry["what"] == what)


def test_a_batch_is_compared_at_once_and_measured_as_its_labels_come(toy: Toy) -> None:
    assert all(held(toy, month) is None for month in FIRST)
    land(toy, MAY, [row[:-1] for row in lines(MAY)])
    found = figures(toy)
    assert (found["batch"], found["model"], found["rows"]) == (MAY, "v0", 30)
    assert (found["labels"]["share"], found["realized"]) == (0, {})
    assert found["labels"]["late_days"] is None
    assert why(found, "realized metrics") == "none of 30 rows has a label yet"
    assert found["before"]["batch"] == "2020-04"
    assert set(found["drift"]) == {"promo", "store", "price", "rise"}
    # Each tenth row is a return: it has no label.
    head, *rows = lines(MAY)
    half = [head, *(row if n % 2 == 0 else [*row[:-1], ""] for n, row in enumerate(rows))]
    land(toy, MAY, half)
    found = figures(toy)
    assert (found["labels"]["share"], found["labels"]["measured"]) == (0.5, 15)
    assert found["realized"]["mae"]["rows"] == 15
    assert 0 <= found["labels"]["late_days"] < 1
    assert {item.status for item in toy.plan(REPORT).cells} == {"reuse"}


def test_labels_that_contradict_each_other_and_have_one_value(toy: Toy) -> None:
    head, *rows = lines(MAY)
    rows = [[*row[:-1], "7"] for row in rows]
    land(toy, MAY, [head, *rows, [*rows[0][:-1], "999"]])
    found = figures(toy)
    # The rows of a key that stands twice with different values are in quarantine.
    assert found["rows"] == found["labels"]["measured"] == found["realized"]["mae"]["rows"]
    assert found["realized"]["r2"]["value"] is None
    assert "r2 has no value: the target is constant" in why(found, "realized metrics")


def test_a_batch_of_three_rows_says_what_they_are_too_few_for(toy: Toy) -> None:
    land(toy, MAY, lines(MAY)[:4])
    found = figures(toy)
    assert found["rows"] == 3
    assert why(found, "drift") == "the batch has 3 rows, wanted at least 30"
    assert found["realized"]["mae"]["rows"] == 3


def test_each_report_is_of_the_model_that_predicted_even_if_it_is_lost(toy: Toy) -> None:
    land(toy, MAY, lines(MAY))
    land(toy, JUNE, lines(JUNE))
    home = toy.planner().home
    models = [figures(toy, month)["model"] for month in (MAY, JUNE)]
    assert models[0] == "v0"
    assert models[1] in {
        f"v{entry.version}" for entry in home.promotions.entries(home.env, "forecast")
    }
    first = min(home.records.versions("forecast/candidate"), key=lambda one: one.number)
    home.objects.forget(first.outputs["model"].digest)
    corrected = lines(MAY)
    corrected[1][-1] = "30"
    land(toy, MAY, corrected)
    found = figures(toy)
    assert (found["model"], found["drift"]) == ("v0", {})
    lost = "the store has lost the training rows of v0, such as forgotten ones"
    assert why(found, "drift") == why(found, "joint drift") == lost
    assert found["realized"]["mae"]["value"] is not None
