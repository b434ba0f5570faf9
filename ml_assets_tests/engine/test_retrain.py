"""When new data train a model: what is deferred, what is not, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_assets.engine.plan import Plan, Planned
from ml_assets.store.promotions import ROLLED_BACK
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FORECAST, HELPERS, SALES, Toy, copied, sales, toy_project

FIRST = ("2020-01", "2020-02", "2020-03", "2020-04")
MAY, JUNE = "2020-05", "2020-06"
CANDIDATE = "forecast/candidate"
ROWS = "  retrain: {when: {new_rows: 40}}\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project with a candidate of four months, that is trained for 40 new rows. For copies.

    A month has 30 rows, of which 27 are sales, with a label.
    """

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            toy.edit(FORECAST, "test: 2", "test: 1")
            toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
            toy.edit(FORECAST, "  gate:", f"{ROWS}  gate:")
            toy.land_all(FIRST)
            assert toy.make().faults == []

    return Toy(once(tmp_path_factory, "retrained", make).resolve())


@pytest.fixture
def toy(trained: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a copy of that project."""
    with copied(trained, tmp_path / "project") as found:
        yield found


def policy(toy: Toy, text: str, before: str = ROWS) -> None:
    toy.edit(FORECAST, before, text)


def arrive(toy: Toy, *months: str) -> Plan:
    """Land months and make what follows; return the plan after it."""
    toy.land_all(months)
    assert toy.make().faults == []
    return toy.plan()


def candidate(plan: Plan) -> Planned:
    return next(item for item in plan.cells if str(item.cell) == CANDIDATE)


def said(toy: Toy, env: str = "dev") -> list[tuple[bool, str]]:
    home = toy.planner(env).home
    return [(e.verdict.train, e.verdict.said) for e in home.verdicts.entries(env, "forecast")]


def test_new_rows_below_the_limit_are_deferred_and_then_train(toy: Toy) -> None:
    before = toy.digests()
    toy.land_all([MAY])
    found = candidate(toy.plan())
    assert found.status == "deferred"
    assert found.reason == "decided once forecast/features@2020-05 are made"
    assert said(toy) == []
    assert toy.make().faults == []
    toy.publish()
    plan = toy.plan()
    reason = "not trained: 27 new rows of 40; last 30 days ago"
    assert (candidate(plan).status, candidate(plan).reason) == ("deferred", reason)
    assert (plan.todo, said(toy)) == ([], [(False, reason)])
    # The folds follow the data; the candidate, its report and the decision do not.
    after = toy.digests()
    assert after["forecast/test_split"] != before["forecast/test_split"]
    for name in ("candidate", "evaluation_report", "champion", "release"):
        assert after[f"forecast/{name}"] == before[f"forecast/{name}"]
    toy.land_all([JUNE])
    assert toy.make("+forecast/*_split").faults == []
    arrived = toy.plan()
    assert candidate(arrived).status == "run"
    assert candidate(arrived).reason.startswith("54 new rows of 40")
    assert toy.make().states[CANDIDATE] == "executed"
    assert candidate(toy.plan()).status == "reuse"
    assert said(toy)[-1][0] is True


def test_only_changes_of_data_are_deferred(toy: Toy) -> None:
    arrive(toy, MAY)
    toy.edit(FORECAST, "linear: {family: linear}", "linear: {family: linear, alpha: 1000}")
    assert candidate(toy.plan()).status == "run"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (HELPERS, ".astype(float)", ".astype(float) + 1"),
        (FORECAST, "validation: 1", "validation: 1, window: 1"),
    ],
)
def test_edits_of_the_function_and_of_the_split_train(
    toy: Toy, file: str, old: str, new: str
) -> None:
    arrive(toy, MAY)
    toy.edit(file, old, new)
    assert candidate(toy.plan()).status in ("run", "maybe")
    assert toy.make().states[CANDIDATE] == "executed"


def test_a_report_follows_its_own_edits_with_the_folds_of_the_candidate(toy: Toy) -> None:
    arrive(toy, MAY)
    before = toy.digests()[CANDIDATE]
    toy.edit(FORECAST, "intervals: {resamples: 100}", "intervals: {resamples: 101}")
    plan = toy.plan()
    assert candidate(plan).status == "deferred"
    assert "forecast/evaluation_report" in {str(i.cell) for i in plan.having("run")}
    ran = toy.make()
    assert ran.faults == []
    assert ran.states["forecast/evaluation_report"] == "executed"
    assert toy.digests()[CANDIDATE] == before
    home = toy.planner().home
    report = home.records.current("dev", "forecast/evaluation_report")
    assert report is not None
    made = home.records.action(report.actions["evaluate"])
    assert made is not None
    # April is its test month, not May.
    assert [batch for batch, _ in made.ingredients["inputs"]["features"]] == ["2020-04"]
    toy.publish()
    assert toy.plan().todo == []


def test_a_deferred_candidate_of_dummy_rows_stays_one(tmp_path: Path) -> None:
    header, *rows = sales("2020-01").decode().splitlines()
    made_up = "\n".join([f"{header},_dummy", *(f"{row},true" for row in rows)]) + "\n"
    with toy_project(tmp_path) as toy:
        toy.edit(FORECAST, "test: 2", "test: 1")
        toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
        toy.edit(FORECAST, "  gate:", f"{ROWS}  gate:")
        toy.land_all(FIRST)
        toy.land("sales", "2020-01", made_up.encode())
        assert toy.make().faults == []
        toy.land_all([MAY])
        # The gate and the report are asked anew about the candidate that stays.
        toy.edit(FORECAST, "min_rows: 10", "min_rows: 11")
        toy.edit(FORECAST, "intervals: {resamples: 100}", "intervals: {resamples: 101}")
        assert toy.make().faults == []
        assert candidate(toy.plan()).status == "deferred"
        home = toy.planner().home
        champion = home.records.current("dev", "forecast/champion")
        report = home.records.current("dev", "forecast/evaluation_report")
        assert champion is not None
        assert report is not None
        decision = home.objects.json(champion.outputs["decision"].digest)
        page = home.objects.read(report.outputs["report"].digest)
    assert decision["verdict"] == "refuse"
    assert "trained on dummy data" in decision["sentence"]
    assert b"figures say nothing about the world" in page


def test_corrected_rows_count_and_others_do_not(toy: Toy) -> None:
    rows = sales("2020-02").decode().splitlines()
    edited = [*rows[:-1], rows[-1].rpartition(",")[0] + ",999"]
    toy.land("sales", "2020-02", ("\n".join(edited) + "\n").encode())
    assert toy.make().faults == []
    assert candidate(toy.plan()).reason.startswith("not trained: 1 new row of 40")


def test_an_environment_takes_a_candidate_that_another_made(toy: Toy) -> None:
    toy.make(env="prod")
    arrive(toy, MAY)
    policy(toy, "  retrain: {when: always}\n")
    assert toy.make().states[CANDIDATE] == "executed"
    policy(toy, ROWS, "  retrain: {when: always}\n")
    toy.make(env="prod")
    assert candidate(toy.plan(env="prod")).status != "deferred"
    assert toy.make(env="prod").states[CANDIDATE] == "reused"
    assert said(toy, "prod") == []


def test_an_edited_policy_decides_anew(toy: Toy) -> None:
    assert candidate(arrive(toy, MAY)).status == "deferred"
    policy(toy, "  retrain: {when: {new_rows: 20}}\n")
    assert candidate(toy.plan()).status == "run"
    policy(toy, "  retrain: {when: {new_rows: 50}}\n", "  retrain: {when: {new_rows: 20}}\n")
    assert candidate(toy.plan()).reason.startswith("not trained: 27 new rows of 50")
    assert [train for train, _ in said(toy)] == [False, True, False]


def test_a_verdict_to_train_stays_for_the_same_data(toy: Toy) -> None:
    """A run that failed is tried again, though by now the policy would say otherwise."""
    policy(toy, "  retrain: {when: {every: 1 month}, time: clock}\n")
    toy.land_all([MAY])
    assert toy.make("+forecast/*_split").faults == []
    found = candidate(toy.plan())
    assert found.status == "deferred"
    assert found.reason == "not trained: last 0 hours ago of 1 month"
    assert found.due_at is not None
    assert found.due_at > datetime.now(UTC).isoformat()
    home = toy.planner().home
    verdict = home.verdicts.entries("dev", "forecast")[-1].verdict
    assert home.verdicts.log("dev", "forecast", replace(verdict, train=True, said="its time"))
    assert candidate(toy.plan()).reason.startswith("its time; ")
    assert toy.make().states[CANDIDATE] == "executed"


def test_labels_that_never_come_are_said(toy: Toy) -> None:
    policy(toy, "  monitoring: {}\n  retrain: {when: {loss: realized}}\n")
    toy.edit(SALES, "  time: day\n", "  time: day\n  labels: later\n")
    assert toy.make().faults == []
    bare = [line.rpartition(",")[0] for line in sales(MAY).decode().splitlines()]
    toy.land("sales", MAY, ("\n".join(bare) + "\n").encode())
    assert toy.make().faults == []
    toy.land("prices", MAY)
    assert toy.make().faults == []
    # No label is new, so no fold changed, and nothing is to be trained.
    assert candidate(toy.plan()).status == "reuse"
    toy.land("sales", "2020-01", sales("2020-01", extra=1.0))
    assert toy.make().faults == []
    wanted = "not trained: realized loss: not known from 1 monitoring report on new data, since no"
    assert candidate(toy.plan()).reason.startswith(f"{wanted} label has come; last 30 days ago")


def test_a_rollback_changes_nothing_of_a_deferral(toy: Toy) -> None:
    arrive(toy, MAY, JUNE)
    home = toy.planner().home
    first = home.records.versions(CANDIDATE)[0]
    promoted = home.promotions.champion("dev", "forecast")
    assert promoted is not None
    assert promoted.digest != first.digest
    policy(toy, "  retrain: {when: {new_rows: 400}}\n")
    toy.land("sales", "2020-02", sales("2020-02", extra=1.0))
    assert toy.make().faults == []
    before = candidate(toy.plan())
    assert before.status == "deferred"
    home.promotions.append(
        "dev",
        "forecast",
        action=ROLLED_BACK,
        version=first.number,
        digest=first.digest,
        expected=promoted.digest,
        actor="somebody",
        reason="complaints",
    )
    assert toy.make().faults == []
    assert candidate(toy.plan()) == before
    champion = home.promotions.champion("dev", "forecast")
    assert champion is not None
    assert champion.digest == first.digest
