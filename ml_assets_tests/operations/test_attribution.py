"""Shares of a difference, and the rows on which it is measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.operations.attribution.compare import compare
from ml_assets.operations.attribution.shapley import coalitions, shares
from ml_assets_tests.operations.recreated import EDIT
from ml_assets_tests.projects import Toy

CAUSES = ("data", "code", "spec")


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=8))
def test_shares_sum_to_the_difference(values: list[float]) -> None:
    value = dict(zip(coalitions(CAUSES), values, strict=True))
    found = shares(CAUSES, value.__getitem__)
    assert sum(found.values()) == pytest.approx(values[-1] - values[0], abs=1e-6)


def test_a_cause_that_changes_nothing_has_no_share() -> None:
    assert shares(CAUSES, lambda on: 2.0 * ("data" in on)) == {
        "data": 2.0,
        "code": 0.0,
        "spec": 0.0,
    }


def test_nothing_differs_nothing_is_shared() -> None:
    assert coalitions(()) == [frozenset()]
    assert shares((), lambda on: 1.0) == {}


@pytest.mark.slow
def test_data_and_code_of_two_versions(made: Toy) -> None:
    made.land_all(["2020-07"])
    made.edit(*EDIT)
    assert made.make("+forecast/candidate").faults == []
    home, workspace = made.planner().home, made.workspace()
    found = compare(home, workspace, "forecast", ("v0", "v1"))
    assert (found.metric, found.trained, found.notes) == ("mae", 4, [])
    # Both tests are two months; the older version saw up to April, the newer up to May.
    assert found.rows == 54
    assert set(found.shares) == {"data", "code", "environment"}
    assert found.shares["environment"] == 0.0
    difference = found.values["b"] - found.values["a"]
    assert sum(found.shares.values()) == pytest.approx(difference)
    assert found.shares["data"] != 0.0
