"""A trial beside the champion: which batches count, its verdict, and what follows on the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.history.trials import running
from ml_assets.operations.backfill import backfill
from ml_assets.operations.trial_plan import planned
from ml_assets.store.promotions import PROMOTED, REFUSED, WAITING, LogEntry
from ml_assets.store.records import Current
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.engine.test_challenger import ASKED
from ml_assets_tests.engine.test_predictions import FIRST, JUNE, MAY, unlabelled
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FORECAST, SALES, Toy, copied, sales, toy_project

TRIAL = "forecast/trial"
GATE = "gate: {mode: trial, trial: {equivalent: 0.9}, "


@pytest.fixture(scope="module")
def june(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project in which v1 is on trial beside v0 since May, and June has no labels."""

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            toy.edit(SALES, "  time: day\n", "  time: day\n  labels: later\n")
            toy.edit(FORECAST, "test: 2", "test: 1")
            toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
            toy.edit(FORECAST, "gate: {", GATE)
            toy.edit(FORECAST, "  predict_at: opening\n", ASKED)
            toy.land_all(FIRST)
            assert toy.make().faults == []
            toy.land_all([MAY])
            assert toy.make().faults == []
            toy.land("sales", JUNE, unlabelled(JUNE))
            toy.land("prices", JUNE)
            assert toy.make().faults == []

    return Toy(once(tmp_path_factory, "trial", make).resolve())


@pytest.fixture
def waiting(june: Toy, tmp_path: Path) -> Iterator[Toy]:
    with copied(june, tmp_path / "project") as toy:
        yield toy


def log(toy: Toy) -> list[LogEntry]:
    home = toy.planner().home
    return home.promotions.verify(home.env, "forecast")


def said(toy: Toy) -> list[tuple[str, int]]:
    return [(entry.action, entry.version) for entry in log(toy)]


def held(toy: Toy) -> Current:
    home = toy.planner().home
    found = home.records.current(home.env, TRIAL)
    assert found is not None
    return found


def document(toy: Toy) -> dict[str, Any]:
    found: dict[str, Any] = toy.planner().home.objects.json(held(toy).outputs["trial"].digest)
    return found


def labels(toy: Toy, nearer: str, rows: int = 30) -> bytes:
    """Return June with the units sold as `nearer` of the two predicted them."""
    home = toy.planner().home
    current = home.records.current(home.env, f"forecast/{nearer}", JUNE)
    assert current is not None
    told = home.objects.table(current.outputs["predictions"].digest)["prediction"].to_pylist()
    lines = sales(JUNE).decode().splitlines()
    made = [f"{line.rpartition(',')[0]},{v}" for line, v in zip(lines[1:], told, strict=True)]
    return ("\n".join([lines[0], *made]) + "\n").encode()


def test_the_first_is_promoted_and_the_next_is_on_trial(june: Toy) -> None:
    assert said(june) == [(PROMOTED, 0), (WAITING, 1)]
    assert log(june)[1].reason.startswith("Passed; a trial beside the champion decides: ")
    home = june.planner().home
    found = running(home, "forecast")
    assert found is not None
    assert (found.champion.version, found.challenger.version) == (0, 1)
    made = document(june)
    assert (made["batches"], made["rows"], made["unlabelled"]) == ([JUNE], 0, 30)
    assert (made["verdict"], made["blocks"]) == ("running", [])
    assert "no complete day with labels yet" in made["sentence"]
    assert {c.status for c in june.plan(TRIAL).cells} == {"reuse"}


@pytest.mark.parametrize(
    ("nearer", "verdict", "action"),
    [("challenger_predictions", "better", PROMOTED), ("predictions", "worse", REFUSED)],
)
def test_a_verdict_is_carried_out_once(
    waiting: Toy, nearer: str, verdict: str, action: str
) -> None:
    waiting.land("sales", JUNE, labels(waiting, nearer))
    assert waiting.make().faults == []
    made = document(waiting)
    assert made["verdict"] == verdict
    values = [block["value"] for block in made["blocks"]]
    assert values == pytest.approx([-1.0 if verdict == "better" else 1.0] * len(values))
    assert made["rows"] == 30
    assert [block["start"] for block in made["blocks"]][:2] == ["2020-06-01", "2020-06-02"]
    entries = log(waiting)
    (ended,) = [entry for entry in entries if "trial" in entry.evidence]
    assert (ended.action, ended.version, ended.reason) == (action, 1, made["sentence"])
    assert ended.evidence["trial"] == held(waiting).outputs["trial"].digest
    home = waiting.planner().home
    champion = home.promotions.champion("dev", "forecast")
    assert champion is not None
    assert champion.version == (1 if verdict == "better" else 0)
    # The candidate that June's labels made was judged after the trial's end.
    assert [entry.action for entry in entries[:3]] == [PROMOTED, WAITING, action]
    before = said(waiting)
    assert waiting.make().faults == []
    assert said(waiting) == before, "only once"
    planner = waiting.planner()
    found = planned(planner.home, planner.project, "forecast", 20)
    assert (found.block, found.blocks, found.pairs) == ("day", 27, ("v1 beside v0",))
    # Each day is as the others, so all trials take as long.
    assert found.lines[0].verdicts["equivalent"] == 1.0
    assert found.lines[0].median == found.lines[0].most
    waiting.land("sales", JUNE, sales(JUNE))
    assert waiting.make().faults == []
    ends = [entry for entry in log(waiting) if "trial" in entry.evidence]
    assert ends == [ended], "a correction of labels decides nothing again"


def test_batches_of_before_the_trial_do_not_count(waiting: Toy) -> None:
    backfill(waiting.planner(), "forecast", [])
    assert waiting.make().faults == []
    home = waiting.planner().home
    assert len(home.records.held("dev", "forecast/challenger_predictions")) > 1
    assert document(waiting)["batches"] == [JUNE]


def test_a_candidate_that_passes_meanwhile_waits_behind_the_trial(waiting: Toy) -> None:
    """It is made from April's corrected labels, which are in no batch of the trial."""
    waiting.land("sales", FIRST[3], sales(FIRST[3], extra=0.25))
    assert waiting.make().faults == []
    entries = log(waiting)
    assert said(waiting) == [(PROMOTED, 0), (WAITING, 1), (WAITING, 2)]
    assert entries[2].evidence["behind"] == entries[1].digest
    assert entries[2].reason.endswith("It waits until the trial of v1 has ended.")
    waiting.land("sales", JUNE, labels(waiting, "predictions"))
    assert waiting.make().faults == []
    home = waiting.planner().home
    found = running(home, "forecast")
    assert found is not None
    assert (found.champion.version, found.challenger.version) == (0, 2)


@pytest.mark.slow
def test_commands_say_how_it_stands_and_end_it(waiting: Toy) -> None:
    site = Site(waiting)
    stands = site.json("trial", "status", "forecast")
    assert (stands["on"], stands["champion"], stands["challenger"]) == (True, "v0", "v1")
    assert stands["trial"]["verdict"] == "running"
    assert "0 days with labels" in site("trial", "plan", "forecast", code=2).err
    assert "--reason is empty" in site("trial", "end", "forecast", "--reason", " ", code=2).err
    ended = site.json("trial", "end", "forecast", "--reason", "no longer wanted")
    assert (ended["action"], ended["version"]) == (REFUSED, 1)
    assert ended["evidence"] == {"trial": held(waiting).outputs["trial"].digest}
    assert "no trial is running" in site("trial", "end", "forecast", "--reason", "x", code=2).err
    assert "v1 refused" in site("trial", "status", "forecast").out
