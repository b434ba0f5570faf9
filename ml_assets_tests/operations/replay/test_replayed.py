"""Replays of the toy project: what runs, what is reused, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.errors import RequestError, UnknownName
from ml_assets.operations.policy_past import read_policy
from ml_assets.operations.replay.page import page
from ml_assets.operations.replay.plots import plots
from ml_assets.operations.replay.replayed import Asked, replayed
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FORECAST, MONTHS, SALES, Toy, copied, sales, toy_project

ONE = Asked(warm_up=1)


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project of six months, the first model of which needs three. For copies."""

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            toy.edit(FORECAST, "test: 2", "test: 1")
            toy.edit(SALES, "  time: day\n", "  time: day\n  labels: later\n")
            toy.land_all()
            assert toy.make().faults == []

    return Toy(once(tmp_path_factory, "replayed", make).resolve())


@pytest.fixture
def toy(six: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a copy of that project."""
    with copied(six, tmp_path / "project") as found:
        yield found


def replay(toy: Toy, asked: Asked = ONE) -> dict[str, Any]:
    return replayed(toy.planner(), "forecast", asked)


def policies(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in document["policies"]}


def test_a_matrix_is_computed_once_and_moves_no_pointer(toy: Toy) -> None:
    before = toy.digests()
    first = replay(toy)
    assert [one["trained_up_to"] for one in first["models"]] == list(MONTHS[2:])
    assert [list(one["losses"]) for one in first["models"]] == [
        list(MONTHS[3:]),
        list(MONTHS[4:]),
        [MONTHS[5]],
        [],
    ]
    assert [first["warm_up"], first["compared"]] == [[MONTHS[3]], [MONTHS[4], MONTHS[5]]]
    assert all(loss["rows"] == 27 for one in first["models"] for loss in one["losses"].values())
    assert first["executed"] > 0
    again = replay(toy)
    assert again["executed"] == 0
    assert {**again, "executed": 0} == {**first, "executed": 0}
    assert page(again, plots(again)) == page(first, plots(first))
    assert toy.digests() == before
    assert toy.plan().having("run") == []


def test_the_newest_model_is_the_candidate_that_a_run_has_trained(toy: Toy) -> None:
    records = toy.planner().home.records
    before = {one.key for one in records.each_action()}
    replay(toy)
    new = [one for one in records.each_action() if one.key not in before]
    fitted = [one for one in new if one.name.endswith("#fit:linear")]
    # Of four models three are new.
    assert len(fitted) == 3


def test_costs_are_sums_of_losses_and_prices(toy: Toy) -> None:
    found = policies(replay(toy, Asked(price=3.0, warm_up=1)))
    losses = {m["trained_up_to"]: m["losses"] for m in replay(toy)["models"]}
    kept = sum(losses[MONTHS[3]][month]["loss"] for month in MONTHS[4:])
    assert found["never"]["cost"] == found["never"]["loss"] == pytest.approx(kept)
    new = losses[MONTHS[3]][MONTHS[4]]["loss"] + losses[MONTHS[4]][MONTHS[5]]["loss"]
    assert found["always"]["loss"] == pytest.approx(new)
    assert found["always"]["cost"] == pytest.approx(new + 3.0)
    assert found["always"]["trained_before"] == [MONTHS[5]]
    best = min(found["never"]["cost"], found["always"]["cost"])
    assert found["best in hindsight"]["cost"] == pytest.approx(best)
    assert {row["above_best"] >= 0 for row in found.values()} == {True}


def test_the_specs_policy_and_another_are_replayed_too(toy: Toy) -> None:
    toy.edit(FORECAST, "  gate:", "  retrain: {when: {new_rows: 100}}\n  gate:")
    tried = read_policy(["new_rows=20"])
    found = policies(replay(toy, Asked(warm_up=1, tried=tried, named="new_rows=20")))
    assert found["the spec's policy"]["trained_before"] == []
    assert found["new_rows=20"]["trained_before"] == [MONTHS[5]]


def test_labels_that_come_later_leave_less_to_compare(toy: Toy) -> None:
    with pytest.raises(RequestError) as error:
        replay(toy, Asked(delay=1, warm_up=1))
    assert "got 2 batches with labels for which a model was there, wanted 3" in str(error.value)
    assert "--label-delay is 1" in str(error.value)


def test_labels_that_never_come_are_said(toy: Toy) -> None:
    for month in MONTHS[4:]:
        bare = [line.rpartition(",")[0] for line in sales(month).decode().splitlines()]
        toy.land("sales", month, ("\n".join(bare) + "\n").encode())
    assert toy.make().faults == []
    with pytest.raises(RequestError) as error:
        replay(toy)
    said = str(error.value)
    assert "got 1 batch with labels for which a model was there, wanted 3" in said
    assert f"no label has come for {MONTHS[4]}, {MONTHS[5]}" in said


def test_what_cannot_be_replayed_is_refused(toy: Toy) -> None:
    with pytest.raises(RequestError, match="wanted a number of 0 or more"):
        replay(toy, Asked(price=float("nan")))
    with pytest.raises(RequestError, match=r"got -1\.0"):
        replay(toy, Asked(price=-1.0))
    with pytest.raises(UnknownName, match="did you mean 'forecast'"):
        replayed(toy.planner(), "forcast", ONE)
    with pytest.raises(RequestError, match="of --warm-up and 2 to compare on"):
        replay(toy, Asked(warm_up=3))


def test_nothing_was_run_yet(tmp_path: Path) -> None:
    with toy_project(tmp_path / "new") as toy:
        toy.land_all()
        with pytest.raises(RequestError, match="no features yet"):
            replay(toy)


def test_a_lost_object_is_made_again(toy: Toy) -> None:
    first = replay(toy)
    home = toy.planner().home
    lost = next(one for one in home.records.each_action() if one.name.endswith("#losses"))
    path = Path(home.objects.path(lost.outputs["losses"].digest))
    path.chmod(0o644)
    path.write_bytes(b"{}")
    again = replay(toy)
    assert again["executed"] == 1
    assert again["policies"] == first["policies"]


def test_a_rollback_and_another_environment_change_nothing(toy: Toy) -> None:
    first = replay(toy)
    assert toy.make(env="prod").faults == []
    found = replayed(toy.planner("prod"), "forecast", ONE)
    assert found["executed"] == 0
    assert found["policies"] == first["policies"]
