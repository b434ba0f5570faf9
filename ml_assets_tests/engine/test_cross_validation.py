"""A model whose families are cross-validated and blended, from its YAML to its release."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.errors import SpecError
from ml_assets.stages.train.blend import MEMBERS
from ml_assets_tests.projects import FORECAST, Toy

FAMILIES = """\
      linear: {family: linear}
      trees: {family: lightgbm, num_trees: 20, num_leaves: 4, min_data_in_leaf: 5}
      both: {family: blend, of: [linear, trees]}
"""


def blended(toy: Toy, selection: str = "cross_validation") -> None:
    toy.edit(FORECAST, "      linear: {family: linear}\n", FAMILIES)
    toy.edit(FORECAST, "    metric: mae\n", f"    metric: mae\n    selection: {selection}\n")
    toy.land_all()


def board_of(toy: Toy) -> Any:
    home = toy.planner().home
    held = home.records.current("dev", "forecast/candidate", "")
    assert held is not None
    return home.objects.json(held.outputs["leaderboard"].digest)


@pytest.mark.parametrize("selection", ["validation", "cross_validation"])
def test_a_blend_is_compared_refitted_decided_and_released(toy: Toy, selection: str) -> None:
    blended(toy, selection)
    ran = toy.make()
    assert ran.faults == []
    board = board_of(toy)
    assert {entry["family"] for entry in board["families"]} == {"median", "linear", "trees", "both"}
    rows = {entry["family"]: entry["rows"] for entry in board["families"]}
    # Four months, 27 sales each; by time in six parts, of which the first is never held out.
    learned, held = (81, 27) if selection == "validation" else (90, 90)
    assert rows["linear"] == rows["both"] == {"train": learned, "validation": held}
    assert ("parts" in board["families"][0]) is (selection == "cross_validation")
    assert ran.states["forecast/release"] == "executed"
    again = toy.make()
    assert again.having("executed") == set()


def test_a_setting_of_a_member_fits_that_member_and_the_blend_again(toy: Toy) -> None:
    blended(toy)
    toy.make("+forecast/candidate")
    before = fits_of(toy)
    toy.edit(FORECAST, "num_leaves: 4", "num_leaves: 3")
    toy.make("+forecast/candidate")
    after = fits_of(toy)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"fit:trees", "fit:both"}


def fits_of(toy: Toy) -> dict[str, str]:
    held = toy.planner().home.records.current("dev", "forecast/candidate", "")
    assert held is not None
    return {part: key for part, key in held.actions.items() if part.startswith("fit:")}


def test_a_blend_of_what_is_not_there_is_a_mistake(toy: Toy) -> None:
    blended(toy)
    toy.edit(FORECAST, "of: [linear, trees]", "of: [linaer, median]")
    with pytest.raises(SpecError) as caught:
        toy.plan()
    said = str(caught.value)
    assert "no family 'linaer'" in said
    assert "'median' is a median; wanted families that learn, of ml_assets' own" in said


def test_nothing_can_be_left_unrefitted_after_a_cross_validation(toy: Toy) -> None:
    blended(toy)
    toy.edit(FORECAST, "    metric: mae\n", "    metric: mae\n    refit: none\n")
    with pytest.raises(SpecError, match="none leaves no model after a cross-validation"):
        toy.plan()


def test_a_blend_may_have_every_family_that_learns() -> None:
    from ml_assets.keys.families import FAMILIES as EVERY
    from ml_assets.spec.families import BASELINES

    others = {"blend", "sklearn", "federated"}
    assert set(MEMBERS) == set(EVERY) - set(BASELINES) - others
    assert all(MEMBERS[name].__name__ == EVERY[name] for name in MEMBERS)


def test_a_second_candidate_on_few_rows_is_decided_by_cross_validation(toy: Toy) -> None:
    toy.edit(FORECAST, "{kind: time, test: 2, validation: 1}", "{kind: hash}")
    toy.edit(FORECAST, "gate: {min_rows: 30", "gate: {min_rows: 100, few_rows: cross_validation")
    toy.land_all()
    assert decision_of(toy, toy.make())["comparison"] == "first"
    toy.edit(FORECAST, "linear: {family: linear}", "linear: {family: linear, alpha: 1000}")
    found = decision_of(toy, toy.make())
    assert found["comparison"] == "crossed"
    assert found["crossed"]["rows"] == 6 * 27
    # Such a penalty leaves little but the intercept.
    assert found["verdict"] == "refuse"
    assert found["crossed"]["worse"] > found["crossed"]["margin"]
    assert toy.make().having("executed") == set()


def decision_of(toy: Toy, ran: Any) -> Any:
    assert ran.faults == []
    home = toy.planner().home
    held = home.records.current("dev", "forecast/champion", "")
    assert held is not None
    return home.objects.json(held.outputs["decision"].digest)
