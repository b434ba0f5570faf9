"""Trees as they leave a site, and payloads that no honest site sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml_assets.federated.app.ml_assets_rounds.payload import Lie, booster, checked, scaled, stripped

TREE: dict[str, list[Any]] = {
    "left": [1, -1, -1],
    "right": [2, -1, -1],
    "feature": [0, -1, -1],
    "cut": [3, -1, -1],
    "missing": [1, 0, 0],
    "leaf": [0.0, -1.5, 2.0],
}
CUTS = [5, 1]


def _checked(trees: Any, text: str | None = None) -> Any:
    content = (json.dumps(trees) if text is None else text).encode()
    return checked(content, cuts=CUTS, trees=2, leaves=4, bound=3.0)


def test_a_tree_becomes_what_xgboost_reads_and_comes_back() -> None:
    model = booster([TREE, TREE], 2, -4.0)
    assert stripped(model, CUTS) == [TREE, TREE]
    assert _checked([TREE]) == [TREE]
    assert scaled([TREE], 0.5)[0]["leaf"] == [0.0, -0.75, 1.0]


def test_what_would_tell_of_rows_is_left_out() -> None:
    model = booster([TREE], 2, 0.0)
    (tree,) = model["learner"]["gradient_booster"]["model"]["trees"]
    # As XGBoost fills them in.
    tree["sum_hessian"], tree["base_weights"] = [41.0, 40.0, 1.0], [7.7, 7.8, 500.00001]
    tree["loss_changes"] = [123.4, 0.0, 0.0]
    # The last condition of a column lies beyond its greatest number, and so depends on it.
    tree["split_conditions"][0] = 98765.4
    (left,) = stripped(model, CUTS)
    assert left == {**TREE, "cut": [5, -1, -1]}
    assert "500" not in json.dumps(left)


def _with(name: str, value: Any) -> dict[str, Any]:
    return {**TREE, name: value}


@pytest.mark.parametrize(
    ("trees", "said"),
    [
        ({}, "not a list of at most 2 trees"),
        ([TREE] * 3, "not a list of at most 2 trees"),
        ([_with("leaf", [0.0, 3.1, 0.0])], "a leaf of 3.1, wanted at most 3 on either side of 0"),
        ([_with("cut", [6, -1, -1])], "a split that is at no agreed cut"),
        ([_with("feature", [2, -1, -1])], "a split that is at no agreed cut"),
        ([_with("left", [0, -1, -1])], "a child that is not after its parent"),
        ([_with("left", [3, -1, -1])], "a child that is not after its parent"),
        ([_with("left", [2, -1, -1])], "its nodes do not form a tree"),
        # XGBoost takes any number below 0 for a child's place but -1, and reads there.
        ([_with("left", [-5, -1, -1])], "a child that is not after its parent"),
        ([_with("left", [1, -5, -1])], "a child that is not after its parent"),
        ([_with("right", [-5, -1, -1])], "a child that is not after its parent"),
        ([_with("right", [2, -5, -1])], "a leaf with a split"),
        ([_with("right", [2, 0, -1])], "a leaf with a split"),
        ([_with("feature", [0, -5, -1])], "a leaf with a split"),
        ([_with("cut", [3, -5, -1])], "a leaf with a split"),
        ([_with("missing", [2, 0, 0])], "missing numbers go left"),
        ([_with("missing", [1, -1, 0])], "missing numbers go left"),
        ([_with("left", [True, -1, -1])], "wanted whole numbers"),
        ([_with("leaf", [0.0, "x", 0.0])], "a leaf is not a number"),
        ([_with("sum_hessian", [1, 1, 1])], "wanted the fields"),
        ([_with("cut", [1.5, -1, -1])], "wanted whole numbers"),
        ([_with("leaf", [0.0])], "wanted 1 to 7 nodes in each field"),
        ([TREE, 7], "tree 1: wanted the fields"),
    ],
)
def test_lies_are_named(trees: Any, said: str) -> None:
    with pytest.raises(Lie, match=said.replace("(", r"\(")):
        _checked(trees)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none(number: str) -> None:
    text = json.dumps([TREE]).replace("2.0", number)
    with pytest.raises(Lie, match=f"{number} is not a number"):
        _checked(None, text)
    with pytest.raises(Lie, match="not JSON"):
        _checked(None, "[" * 100_000)


def test_a_value_too_large_for_a_number() -> None:
    with pytest.raises(Lie, match="a leaf is not a number"):
        _checked(None, json.dumps([TREE]).replace("2.0", "1e999"))
