"""A batch's monitoring report: what it says, and that bad input costs no more than what it hits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.engine.sealing import seal
from ml_assets.serve.service.monitored import monitored
from ml_assets.store.records import Current
from ml_assets_tests.asked import FAR, MADE, record, write_records
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FORECAST, SALES, Toy, copied, sales, toy_project

FIRST = ("2020-01", "2020-02", "2020-03", "2020-04")
MAY, JUNE = "2020-05", "2020-06"
REPORT = "forecast/monitoring_report"
DAYS = "forecast_requests/monitoring_report"
NOON, NEXT = "2020-05-20", "2020-05-23"
"""Days with requests; between them there are none."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project with a champion after four months that is watched. For copies."""

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            toy.edit(SALES, "  time: day\n", "  time: day\n  labels: later\n")
            toy.edit(FORECAST, "test: 2", "test: 1")
            toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
            toy.edit(FORECAST, "  gate:", "  monitoring: {}\n  requests: {}\n  gate:")
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


def held(toy: Toy, month: str, asset: str = REPORT) -> Current | None:
    home = toy.planner().home
    return home.records.current(home.env, asset, month)


def figures(toy: Toy, month: str = MAY, asset: str = REPORT) -> dict[str, Any]:
    found = held(toy, month, asset)
    assert found is not None
    assert b"<h1>forecast" in toy.planner().home.objects.read(found.outputs["report"].digest)
    document: dict[str, Any] = toy.planner().home.objects.json(found.outputs["figures"].digest)
    return document


def page_of(toy: Toy, month: str) -> bytes:
    found = held(toy, month)
    assert found is not None
    return toy.planner().home.objects.read(found.outputs["report"].digest)


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
    planner = toy.planner()
    told = monitored(planner.home, planner.project, ["forecast"]).decode()
    value = found["realized"]["mae"]["value"]
    assert re.search(rf'monitored{{figure="realized_mae",.*of="batches"}} {value:.6g}\n', told)
    assert 'ml_assets_monitoring_warns{check="realized_metric",model="forecast"' in told
    assert 'ml_assets_monitoring_info{batch="2020-05",model="forecast",of="batches"} 1.0' in told
    assert 'of="requests"' not in told


def test_labels_that_contradict_each_other_and_have_one_value(toy: Toy) -> None:
    head, *rows = lines(MAY)
    rows = [[*row[:-1], "7"] for row in rows]
    land(toy, MAY, [head, *rows, [*rows[0][:-1], "999"]])
    found = figures(toy)
    # The rows of a key that stands twice with different values are in quarantine.
    assert found["rows"] == found["labels"]["measured"] == found["realized"]["mae"]["rows"]
    assert found["realized"]["r2"]["value"] is None
    assert "r2 has no value: the target is constant" in why(found, "realized metrics")


def test_a_batch_of_few_rows_says_what_they_are_too_few_for(toy: Toy) -> None:
    land(toy, MAY, lines(MAY)[:4])
    found = figures(toy)
    assert found["rows"] == 3
    assert why(found, "drift") == "the batch has 3 rows, wanted at least 30"
    assert found["realized"]["mae"]["rows"] == 3
    land(toy, JUNE, lines(JUNE)[:2])
    one = figures(toy, JUNE)
    assert one["rows"] == 1
    assert why(one, "drift") == "the batch has 1 row, wanted at least 30"
    assert why(one, "realized metrics") == (
        "1 row with a label that the model was not trained on, wanted at least 2"
    )


def test_a_protected_group_of_three_rows_is_shown_and_not_compared(toy: Toy) -> None:
    toy.edit(FORECAST, "    slices: [store]", "    slices: [store]\n    protected: [store]")
    head, *rows = lines(MAY)
    west = [row for row in rows if row[2] == "west" and float(row[-1]) >= 0]
    land(toy, MAY, [head, *(row for row in rows if row[2] != "west"), *west[:3]])
    found = figures(toy)
    (column,) = found["protected"]["columns"]
    groups = {entry["group"]: (entry["rows"], entry["few"]) for entry in column["groups"]}
    assert groups["west"] == (3, True)
    assert column["apart"] == {}
    assert b"Protected groups" in page_of(toy, MAY)


def test_each_report_is_of_the_model_that_predicted_even_if_it_is_lost(toy: Toy) -> None:
    land(toy, MAY, lines(MAY))
    land(toy, JUNE, lines(JUNE))
    home = toy.planner().home
    models = [figures(toy, month)["model"] for month in (MAY, JUNE)]
    assert models[0] == "v0"
    assert [name in page_of(toy, JUNE) for name in (b"<svg", b'<th scope="row">2020-05')] == [1, 1]
    assert b"<svg" not in page_of(toy, MAY)
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


def ask(toy: Toy, day: str, rows: list[list[str]], version: str = "v0") -> None:
    """Have a version asked for rows of May on a day, each by a request; it answers 20.5."""
    names = lines(MAY)[0][:-1]
    given = [dict(zip(names, row, strict=False)) for row in rows]
    own = {"version": version, "batch": MAY}
    write_records(
        toy,
        day,
        [
            {**record(day, f"{day}-{version}-{place:03}"), **own, "rows": [row]}
            for place, row in enumerate(given)
        ],
    )


def seal_days(toy: Toy) -> None:
    """Land what was asked."""
    planner = toy.planner()
    seal(planner.home, planner.project, MADE, FAR)
    assert toy.make().faults == []


def test_requests_of_a_day_are_compared_and_measured_as_labels_come(toy: Toy) -> None:
    _, *rows = lines(MAY)
    toy.land("prices", MAY)
    ask(toy, NOON, rows)
    seal_days(toy)
    found = figures(toy, NOON, DAYS)
    assert (found["batch"], found["rows"], found["model"]) == (NOON, len(rows), "v0")
    assert set(found["drift"]) == {"promo", "store", "price", "rise"}
    assert found["service"]["requests"] == len(rows)
    assert found["service"]["seconds"] == dict.fromkeys(("median", "p95", "p99", "most"), 0.01)
    assert why(found, "labels") == "sales 2020-05 has not landed"
    assert why(found, "drift against the day before") == "there is no day before"
    land(toy, MAY, lines(MAY))
    found = figures(toy, NOON, DAYS)
    known = [abs(20.5 - float(row[-1])) for row in rows if float(row[-1]) >= 0]
    # Returns are filtered, so that they have no label.
    assert found["realized"]["mae"]["rows"] == len(known) == 27
    assert found["realized"]["mae"]["value"] == pytest.approx(sum(known) / len(known))
    assert {item.status for item in toy.plan(DAYS).cells} == {"reuse"}


def test_a_champion_that_changed_at_noon_a_day_of_three_rows_and_a_gap(toy: Toy) -> None:
    _, *rows = lines(MAY)
    toy.land("prices", MAY)
    ask(toy, NOON, rows[:3])
    ask(toy, NEXT, rows)
    ask(toy, NEXT, rows[:5], version="v1")
    seal_days(toy)
    few, changed = figures(toy, NOON, DAYS), figures(toy, NEXT, DAYS)
    assert why(few, "drift") == "the batch has 3 rows, wanted at least 30"
    assert (changed["model"], changed["rows"]) == ("v0", len(rows))
    assert changed["service"]["versions"] == {"v0": len(rows), "v1": 5}
    assert why(changed, "rows of other versions") == "the report is of v0; 5 by v1"
    assert changed["before"]["batch"] == NOON


def test_requests_to_a_version_that_is_lost_are_still_counted_and_measured(toy: Toy) -> None:
    ask(toy, NOON, lines(MAY)[1:], version="v7")
    land(toy, MAY, lines(MAY))
    seal_days(toy)
    found = figures(toy, NOON, DAYS)
    assert (found["model"], found["drift"]) == ("v7", {})
    assert why(found, "drift").startswith("the store has lost the training rows of v7")
    assert found["realized"]["mae"]["value"] is not None
