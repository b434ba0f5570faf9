"""A batch's challenger: which it is, what it says beside the champion, and what stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.cli.inspect import model_status
from ml_assets.engine.recipes.scorer import CHALLENGER, pinned
from ml_assets.graph.predictions import challenger_metadata
from ml_assets.history.pairs import pairs
from ml_assets.operations.backfill import Backfilled, backfill
from ml_assets.operations.forget.forget import request
from ml_assets.operations.gc import collect, garbage
from ml_assets.store.records import Current
from ml_assets_tests.engine.test_predictions import FIRST, JUNE, MAY, first_four, unlabelled
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FORECAST, Toy, copied, sales, toy_project

CHAMPIONS, CHALLENGERS = "forecast/predictions", "forecast/challenger_predictions"
ASKED = "  predict_at: opening\n  predictions: {challenger: true}\n"


@pytest.fixture(scope="module")
def june(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project in which v0 is champion, v1 (with May) waits, and June has no labels."""

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            first_four(toy)
            toy.edit(FORECAST, "gate: {", "gate: {mode: manual, ")
            toy.edit(FORECAST, "  predict_at: opening\n", ASKED)
            toy.land_all([MAY])
            assert toy.make().faults == []
            toy.land("sales", JUNE, unlabelled(JUNE))
            toy.land("prices", JUNE)
            assert toy.make().faults == []

    return Toy(once(tmp_path_factory, "challenger", make).resolve())


@pytest.fixture
def waiting(june: Toy, tmp_path: Path) -> Iterator[Toy]:
    with copied(june, tmp_path / "project") as toy:
        yield toy


def held(toy: Toy, asset: str, batch: str = JUNE) -> Current:
    home = toy.planner().home
    found = home.records.current(home.env, asset, batch)
    assert found is not None, asset
    return found


def said(toy: Toy, asset: str, batch: str = JUNE) -> list[float]:
    digest = held(toy, asset, batch).outputs["predictions"].digest
    found: list[float] = toy.planner().home.objects.table(digest)["prediction"].to_pylist()
    return found


def executed(toy: Toy, **options: str) -> set[str]:
    """Return the predictions that a run makes."""
    ran = toy.make(**options)
    assert ran.faults == []
    return {cell for cell in ran.having("executed") if "predictions" in cell}


def test_only_a_model_that_asks_has_a_challenger_scored(toy: Toy) -> None:
    assert CHALLENGERS not in {cell.cell.asset for cell in toy.plan().cells}
    with pytest.raises(Exception, match="challenger_predictions"):
        toy.plan(CHALLENGERS)


def test_the_candidate_that_waits_scores_the_batches_that_come_then(june: Toy) -> None:
    """It became challenger because of May, so May is not predicted by it."""
    home = june.planner().home
    assert sorted(home.records.held(home.env, CHALLENGERS)) == [JUNE]
    assert pinned(home, "forecast", CHALLENGER)[MAY] == ""
    facts, ours = held(june, CHALLENGERS).facts, held(june, CHAMPIONS).facts
    assert (ours["scorer"], facts["scorer"], facts["rows"]) == ("v0", "v1", 30)
    mine, theirs = said(june, CHALLENGERS), said(june, CHAMPIONS)
    assert mine != theirs
    apart = [abs(a - b) for a, b in zip(mine, theirs, strict=True)]
    assert facts["disagreement"] == {
        "from": "v0",
        "rows": 30,
        "mean_absolute_difference": pytest.approx(sum(apart) / 30),
    }
    checks = {c["name"]: c["passed"] for c in held(june, CHALLENGERS).checks}
    assert checks == {"missing_joins": True, "prediction_rows": True, "unseen_categories": True}


def test_status_and_dagster_show_both(june: Toy) -> None:
    planner = june.planner()
    apart = held(june, CHALLENGERS).facts["disagreement"]
    (item,) = model_status(planner, june.plan(), "forecast")["predictions"][-1:]
    assert (item["version"], item["challenger"]["version"]) == ("v0", "v1")
    assert item["challenger"]["disagreement"] == apart
    shown = challenger_metadata(planner.home, planner.project, held(june, CHALLENGERS))
    assert (shown["scorer"], shown["compared_with"]) == ("v1", "v0")
    assert shown["mean_absolute_difference"] == apart["mean_absolute_difference"]


def test_labels_measure_both_and_score_nothing_again(waiting: Toy) -> None:
    before = held(waiting, CHALLENGERS)
    waiting.land("sales", JUNE, sales(JUNE))
    assert executed(waiting) == {f"{CHAMPIONS}@{JUNE}", f"{CHALLENGERS}@{JUNE}"}, "only measured"
    after = held(waiting, CHALLENGERS)
    assert (after.digest, after.number) == (before.digest, 0)
    truth = [float(line.rpartition(b",")[2]) for line in sales(JUNE).splitlines()[1:]]
    for asset in (CHAMPIONS, CHALLENGERS):
        errors = [abs(s - t) for s, t in zip(said(waiting, asset), truth, strict=True) if t >= 0]
        realized = held(waiting, asset).facts["realized"]
        assert (realized["measured"], realized["unlabelled"]) == (27, 3)
        assert realized["metrics"]["mae"] == pytest.approx(sum(errors) / 27)
    planner = waiting.planner()
    (pair,) = pairs(planner.home, planner.project, "forecast")
    assert pair.batch == JUNE
    assert pair.rows["challenger_prediction"].to_pylist() == said(waiting, CHALLENGERS)
    assert pair.rows["champion_prediction"].to_pylist() == said(waiting, CHAMPIONS)
    wanted = [t if t >= 0 else None for t in truth]
    assert pair.rows["_target"].to_pylist() == wanted
    digests = [v.digest for v in planner.home.records.versions("forecast/candidate")]
    assert [pair.champion, pair.challenger] == digests[:2]


def test_a_promotion_or_rollback_leaves_both_as_they_are(waiting: Toy) -> None:
    home = waiting.planner().home
    first, second = home.records.versions("forecast/candidate")[:2]
    for action, to, at in (("promoted", second, first), ("rolled_back", first, second)):
        home.promotions.append(
            home.env,
            "forecast",
            action=action,
            version=to.number,
            digest=to.digest,
            expected=at.digest,
            actor="a test",
            reason="it is asked for",
        )
        assert executed(waiting) == set()
        assert [held(waiting, a).facts["scorer"] for a in (CHAMPIONS, CHALLENGERS)] == ["v0", "v1"]


def test_corrected_inputs_are_scored_by_the_same_two(waiting: Toy) -> None:
    home = waiting.planner().home
    collect(home, garbage(home, 1))
    waiting.land("prices", JUNE, b"store,price\nnorth,50\nsouth,60\nwest,70\n")
    assert executed(waiting) == {f"{CHAMPIONS}@{JUNE}", f"{CHALLENGERS}@{JUNE}"}
    found = held(waiting, CHALLENGERS)
    assert (found.number, found.facts["scorer"], found.facts["disagreement"]["from"]) == (
        1,
        "v1",
        "v0",
    )


def test_a_withdrawn_batch_has_no_rows_and_comes_back_with_the_same_two(waiting: Toy) -> None:
    before = held(waiting, CHALLENGERS).digest
    home = waiting.planner().home
    home.batches.withdraw(home.env, "sales", JUNE, "wrong file")
    assert waiting.make().faults == []
    facts = held(waiting, CHALLENGERS).facts
    assert (facts["rows"], facts["disagreement"]["mean_absolute_difference"]) == (0, None)
    waiting.land("sales", JUNE, unlabelled(JUNE))
    assert waiting.make().faults == []
    assert held(waiting, CHALLENGERS).digest == before


def test_a_deletion_reaches_both(waiting: Toy) -> None:
    planner = waiting.planner()
    found = request(planner.home, planner.project, "sales", JUNE, {"sale": "6001"}, "asked for")
    digests = {held(waiting, a).outputs["predictions"].digest for a in (CHAMPIONS, CHALLENGERS)}
    assert digests <= found.deletion.objects


def test_another_target_is_not_compared(waiting: Toy) -> None:
    waiting.edit(FORECAST, "target: units", "target: units * 2")
    assert waiting.make().faults == []
    planner = waiting.planner()
    assert list(pairs(planner.home, planner.project, "forecast")) == [], "its labels are others"


def test_a_backfill_gives_older_batches_their_challenger(waiting: Toy) -> None:
    done = backfill(waiting.planner(), "forecast", [FIRST[0], JUNE])
    assert done == Backfilled(0, (FIRST[0],), (JUNE,), 1, (FIRST[0],))
    names = (CHAMPIONS, CHALLENGERS)
    assert executed(waiting) == {f"{name}@{FIRST[0]}" for name in names}
    facts = held(waiting, CHALLENGERS, FIRST[0]).facts
    assert (facts["scorer"], facts["seen"], facts["realized"]["measured"]) == ("v1", 27, 0)
