"""A batch's predictions: by which model, when they are made again, and what comes true of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.errors import RequestError, UnknownName
from ml_assets.operations.backfill import Backfilled, backfill
from ml_assets.operations.gc import collect, garbage
from ml_assets.store.records import Current
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FEATURES, FORECAST, SALES, Toy, copied, sales, toy_project

FIRST = ("2020-01", "2020-02", "2020-03", "2020-04")
MAY, JUNE = "2020-05", "2020-06"
PREDICTIONS = "forecast/predictions"


def unlabelled(month: str, empty: bool = False) -> bytes:
    """Return a month of sales without the units sold: without the column, or with no values."""
    lines = [line.rpartition(",")[0] for line in sales(month).decode().splitlines()]
    if empty:
        lines = [lines[0] + ",units", *(f"{line}," for line in lines[1:])]
    return ("\n".join(lines) + "\n").encode()


def first_four(toy: Toy) -> None:
    """Make a champion from four months; labels may arrive later."""
    toy.edit(SALES, "  time: day\n", "  time: day\n  labels: later\n")
    toy.edit(FORECAST, "test: 2", "test: 1")
    toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
    toy.land_all(FIRST)
    assert toy.make().faults == []


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project with a champion after four months; labels may arrive later. For copies."""

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            first_four(toy)

    return Toy(once(tmp_path_factory, "four", make).resolve())


@pytest.fixture
def scored(four: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give the project after May arrived without labels."""
    with copied(four, tmp_path / "project") as toy:
        toy.land("sales", MAY, unlabelled(MAY))
        toy.land("prices", MAY)
        assert toy.make().faults == []
        yield toy


@pytest.fixture
def before(four: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give the project in which no batch has come since the first promotion."""
    with copied(four, tmp_path / "project") as toy:
        yield toy


def current(toy: Toy, asset: str, partition: str = "") -> Current:
    home = toy.planner().home
    found = home.records.current(home.env, asset, partition)
    assert found is not None, asset
    return found


def rows(toy: Toy, batch: str) -> list[dict[str, Any]]:
    digest = current(toy, PREDICTIONS, batch).outputs["predictions"].digest
    return list(toy.planner().home.objects.table(digest).to_pylist())


def champion(toy: Toy) -> str:
    home = toy.planner().home
    found = home.promotions.champion(home.env, "forecast")
    assert found is not None
    return f"v{found.version}"


def executed(toy: Toy, **options: Any) -> set[str]:
    """Return the cells of predictions that a run makes."""
    ran = toy.make(**options)
    assert ran.faults == []
    return {cell for cell in ran.having("executed") if cell.startswith(PREDICTIONS)}


def test_without_a_champion_they_wait_once_and_say_what_helps(toy: Toy) -> None:
    toy.land_all(FIRST[:2])
    (waiting,) = [item for item in toy.plan(PREDICTIONS).cells if item.status == "wait"]
    assert str(waiting.cell) == f"{PREDICTIONS}@{FIRST[1]}"
    assert "forecast has no champion yet" in waiting.reason
    assert "ml-assets score forecast --backfill" in waiting.reason
    with pytest.raises(RequestError, match="has no champion in environment dev"):
        backfill(toy.planner(), "forecast")


def test_batches_older_than_the_first_promotion_have_none(before: Toy) -> None:
    assert champion(before) == "v0"
    assert before.plan(PREDICTIONS).cells == []
    assert before.plan().todo == [] or all(item.publish for item in before.plan().todo)


def test_a_batch_without_labels_is_cleaned_scored_and_in_no_fold(scored: Toy) -> None:
    cleaned = current(scored, "sales/cleaned", MAY)
    assert cleaned.facts["unlabelled"] == {"units missing": 30}
    found = rows(scored, MAY)
    assert [row["_line"] for row in found] == list(range(2, 32))
    assert all(row["prediction"] is not None and not row["seen"] for row in found)
    facts = current(scored, PREDICTIONS, MAY).facts
    assert (facts["scorer"], facts["rows"], facts["seen"]) == ("v0", 30, 0)
    assert facts["realized"]["unlabelled"] == 30
    assert facts["realized"]["metrics"] == {}
    folds = current(scored, "forecast/test_split").facts["batches"]
    assert folds["test"] == [FIRST[-1]], "a month without labels is no test month"
    assert {c["name"]: c["passed"] for c in current(scored, PREDICTIONS, MAY).checks} == {
        "missing_joins": True,
        "prediction_rows": True,
        "unseen_categories": True,
    }


def test_labels_that_arrive_score_nothing_again_and_are_measured(scored: Toy) -> None:
    digest = current(scored, PREDICTIONS, MAY).digest
    lines = [row["_line"] for row in rows(scored, MAY)]
    scored.land("sales", MAY, sales(MAY))
    scored.make()
    found = current(scored, PREDICTIONS, MAY)
    assert found.digest == digest
    assert (found.number, found.facts["scorer"]) == (0, "v0")
    assert [row["_line"] for row in rows(scored, MAY)] == lines
    assert current(scored, "sales/cleaned", MAY).facts["unlabelled"] == {"returned": 3}
    realized = found.facts["realized"]
    assert (realized["measured"], realized["unlabelled"], realized["seen"]) == (27, 3, 0)
    said = {row["_line"]: row["prediction"] for row in rows(scored, MAY)}
    truth = {
        line: float(text.rpartition(",")[2])
        for line, text in enumerate(sales(MAY).decode().splitlines()[1:], 2)
    }
    errors = [abs(said[line] - units) for line, units in truth.items() if units >= 0]
    assert realized["metrics"]["mae"] == pytest.approx(sum(errors) / len(errors))


def test_an_empty_column_is_as_an_absent_one(scored: Toy) -> None:
    digests = scored.digests()
    scored.land("sales", MAY, unlabelled(MAY, empty=True))
    scored.make()
    after = scored.digests()
    assert after[f"sales/cleaned@{MAY}"] == digests[f"sales/cleaned@{MAY}"]
    assert after[f"{PREDICTIONS}@{MAY}"] == digests[f"{PREDICTIONS}@{MAY}"]


def test_the_model_that_a_batch_promotes_does_not_score_it(before: Toy) -> None:
    """June's scorer is the champion of before its run, and stays it."""
    for month in (MAY, JUNE):
        before.land("sales", month)
        before.land("prices", month)
        before.make()
        before.make()
    assert champion(before) != "v0"
    assert current(before, PREDICTIONS, MAY).facts["scorer"] == "v0"
    may = current(before, PREDICTIONS, MAY)
    assert executed(before) == set()
    planner = before.planner()
    home = planner.home
    entries = home.promotions.entries(home.env, "forecast")
    home.promotions.append(
        home.env,
        "forecast",
        action="rolled_back",
        version=0,
        digest=entries[0].digest,
        expected=entries[-1].digest,
        actor="a test",
        reason="complaints",
    )
    assert executed(before) == set(), "a rollback scores nothing again"
    assert current(before, PREDICTIONS, MAY).token == may.token


def test_corrected_inputs_are_a_new_version_by_the_same_model(scored: Toy) -> None:
    old = [row["prediction"] for row in rows(scored, MAY)]
    scored.land("prices", MAY, b"store,price\nnorth,50\nsouth,60\nwest,70\n")
    assert executed(scored) == {f"{PREDICTIONS}@{MAY}"}
    found = current(scored, PREDICTIONS, MAY)
    assert (found.number, found.facts["scorer"]) == (1, "v0")
    assert [row["prediction"] for row in rows(scored, MAY)] != old


def test_a_join_that_comes_late_is_missing_and_then_a_correction(before: Toy) -> None:
    before.edit(FORECAST, "prices, previous: 1}", "prices, previous: 1, stale: missing}")
    before.land("sales", MAY, unlabelled(MAY))
    assert not before.make().faults
    late = [row["prediction"] for row in rows(before, MAY)]
    assert len(late) == 30
    before.land("prices", MAY)
    assert not before.make().faults
    assert len(before.planner().home.records.versions(PREDICTIONS, MAY)) == 2
    assert [row["prediction"] for row in rows(before, MAY)] != late


def test_an_edited_function_leaves_the_predictions_of_the_old_model(scored: Toy) -> None:
    """The scorer has its own function, from the stored sources, also for corrected rows."""
    digest = current(scored, PREDICTIONS, MAY).digest
    scored.edit(FEATURES, '"rise": price - before', '"rise": 10 * (price - before)')
    scored.make()
    found = current(scored, PREDICTIONS, MAY)
    assert found.digest == digest
    assert "features" in found.actions
    assert found.facts["realized"]["unlabelled"] == 30


def test_a_backfill_scores_what_is_asked_for_and_says_what_was_seen(before: Toy) -> None:
    with pytest.raises(UnknownName, match="2020-13"):
        backfill(before.planner(), "forecast", ["2020-13"])
    with pytest.raises(UnknownName, match="forcast"):
        backfill(before.planner(), "forcast")
    assert before.plan(PREDICTIONS).cells == [], "nothing was pinned"
    one = backfill(before.planner(), "forecast", [FIRST[0]])
    assert one == Backfilled(0, (FIRST[0],), ())
    assert executed(before, selection=PREDICTIONS) == {f"{PREDICTIONS}@{FIRST[0]}"}
    found = current(before, PREDICTIONS, FIRST[0]).facts
    # January was in training, except the returns, which have no label.
    assert (found["rows"], found["seen"]) == (30, 27)
    assert found["realized"]["measured"] == 0
    rest = backfill(before.planner(), "forecast")
    assert rest == Backfilled(0, FIRST[1:], ())
    again = backfill(before.planner(), "forecast", [FIRST[0]])
    assert again == Backfilled(0, (), (FIRST[0],))
    assert len(executed(before)) == 3
    april = current(before, PREDICTIONS, FIRST[-1]).facts["realized"]
    assert april["measured"] == 27, "test rows were seen by no fit"


def test_a_refused_batch_is_scored_once_it_is_corrected(before: Toy) -> None:
    before.land("sales", MAY, b"day,store\n2020-05-01,north\n")
    before.land("prices", MAY)
    before.make()
    assert f"{PREDICTIONS}@{MAY}" not in before.digests()
    with pytest.raises(RequestError, match="refused or withdrawn"):
        backfill(before.planner(), "forecast", [MAY])
    before.land("sales", MAY, unlabelled(MAY))
    before.make()
    assert current(before, PREDICTIONS, MAY).facts["scorer"] == "v0"


def test_collecting_garbage_keeps_what_scores(scored: Toy) -> None:
    home = scored.planner().home
    collect(home, garbage(home, 1))
    scored.land("prices", MAY, b"store,price\nnorth,50\nsouth,60\nwest,70\n")
    assert executed(scored) == {f"{PREDICTIONS}@{MAY}"}


def test_predictions_stay_where_their_scorer_is_lost(scored: Toy) -> None:
    """Rows of the training were forgotten: what was predicted stays, and the champion helps."""
    held = current(scored, PREDICTIONS, MAY)
    home = scored.planner().home
    first = current(scored, "forecast/features", FIRST[0]).outputs["features"].digest
    home.objects.forget(first)
    scored.land("sales", JUNE, unlabelled(JUNE))
    scored.land("prices", JUNE)
    ran = scored.make(f"+{PREDICTIONS}", only=JUNE)
    assert "the store has lost what its scorer needs" in ran.details[f"{PREDICTIONS}@{JUNE}"]
    assert scored.make(PREDICTIONS, only=MAY).states == {f"{PREDICTIONS}@{MAY}": "reused"}
    assert current(scored, PREDICTIONS, MAY).digest == held.digest
    with pytest.raises(RequestError, match="no longer has everything that v0 of forecast needs"):
        backfill(scored.planner(), "forecast")


OWN = '''\
"""The mean of the target."""

import numpy as np


def fit(settings, train, validation, context):
    return {"value": float(np.mean(train.target))}


def refit(settings, state, fold, context):
    return {"value": float(np.mean(fold.target))}


def predict(state, batch):
    return np.full(len(batch), state["value"])
'''


def test_a_family_of_the_project_predicts_by_its_stored_source(before: Toy) -> None:
    own = before.root / "toy" / "defs" / "forecast" / "own.py"
    own.write_text(OWN)
    before.edit(
        FORECAST, "linear: {family: linear}", "linear: {family: custom, module: own.py:own}"
    )
    before.make()
    assert current(before, "forecast/candidate").facts["chosen"] == "linear"
    home = before.planner().home
    (*_, newest) = home.records.versions("forecast/candidate")
    entries = home.promotions.entries(home.env, "forecast")
    home.promotions.append(
        home.env,
        "forecast",
        action="promoted",
        version=newest.number,
        digest=newest.digest,
        expected=entries[0].digest,
        actor="a test",
        reason="it is of the project",
    )
    before.land("sales", MAY, unlabelled(MAY))
    before.land("prices", MAY)
    before.make()
    found = current(before, PREDICTIONS, MAY)
    assert found.facts["scorer"] == "v1"
    (value,) = {row["prediction"] for row in rows(before, MAY)}
    own.write_text(OWN.replace('state["value"])', '-state["value"])'))
    before.forget()
    before.make()
    assert current(before, PREDICTIONS, MAY).digest == found.digest
    before.land("prices", MAY, b"store,price\nnorth,50\nsouth,60\nwest,70\n")
    before.make()
    assert {row["prediction"] for row in rows(before, MAY)} == {value}
