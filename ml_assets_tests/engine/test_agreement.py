"""Runs of a few assets: what would read cells that do not belong together waits."""

from __future__ import annotations

import pytest

from ml_assets_tests.projects import FORECAST, HELPERS, Toy, sales

READERS = ["candidate", "evaluation_report", "champion"]


def dearer(toy: Toy) -> None:
    toy.edit(HELPERS, ".astype(float)", ".astype(float) + 1")


def test_folds_of_features_that_have_changed_wait_for_new_folds(made: Toy) -> None:
    dearer(made)
    before = made.digests()
    assert made.make("forecast/features").faults == []
    for name in READERS:
        ran = made.make(f"forecast/{name}")
        assert (ran.faults, ran.having("waiting")) == ([], {f"forecast/{name}"})
        said = ran.details[f"forecast/{name}"]
        assert "its folds refer to other features of 2020-01, 2020-02, 2020-03" in said
        assert f"`ml-assets run '+forecast/{name}'`" in said
    after = made.digests()
    assert {cell for cell in before if before[cell] != after[cell]} == {
        f"forecast/features@2020-0{month}" for month in range(1, 7)
    }
    ran = made.make("+forecast/champion")
    assert (ran.faults, ran.having("waiting")) == ([], set())
    assert ran.states["forecast/champion"] == "executed"


def test_features_that_no_fold_in_question_refers_to_hold_nothing_up(made: Toy) -> None:
    """May is a test month: its correction concerns the report, not the candidate."""
    made.land("sales", "2020-05", sales("2020-05", extra=1.0))
    assert made.make("+forecast/features").faults == []
    assert made.make("forecast/candidate").states == {"forecast/candidate": "reused"}
    found = made.make("forecast/evaluation_report").details["forecast/evaluation_report"]
    assert "its folds refer to other features of 2020-05 than the current" in found


def test_one_fold_made_anew_does_not_belong_to_the_others(made: Toy) -> None:
    dearer(made)
    assert made.make("+forecast/train_split").faults == []
    said = made.make("forecast/candidate").details["forecast/candidate"]
    assert "its train, validation folds were not made together" in said


def test_a_candidate_of_other_folds_is_neither_reported_on_nor_decided(made: Toy) -> None:
    dearer(made)
    assert made.make("+forecast/*_split").faults == []
    for name in READERS[1:]:
        said = made.make(f"forecast/{name}").details[f"forecast/{name}"]
        assert "its candidate was trained on other folds than the current" in said


def test_a_decision_needs_the_report_of_its_candidate(made: Toy) -> None:
    made.edit(FORECAST, "linear: {family: linear}", "linear: {family: linear, alpha: 1000}")
    assert made.make("+forecast/candidate").states["forecast/candidate"] == "executed"
    said = made.make("forecast/champion").details["forecast/champion"]
    assert "its evaluation report is about another candidate" in said
    assert made.make("+forecast/champion").states["forecast/champion"] == "executed"


@pytest.mark.parametrize("name", READERS)
def test_nothing_waits_after_a_whole_run(made: Toy, name: str) -> None:
    dearer(made)
    assert made.make().faults == []
    assert made.make(f"forecast/{name}").states == {f"forecast/{name}": "reused"}
