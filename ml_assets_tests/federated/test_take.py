"""Finished rounds as a model: the same predictions as the rounds' own arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.federated.app.ml_assets_rounds import linear
from ml_assets.federated.app.ml_assets_rounds.rows import Site, inputs, widths
from ml_assets.federated.take import _trees, coefficients_state
from ml_assets.stages.train import federated

PLAN: dict[str, Any] = {
    "task": "regression",
    "start": 5.0,
    "pull": 2.0,
    "left_out": ["secret"],
    "columns": [
        {"column": "age", "cuts": [1.5, 2.5, 10.0], "mean": 3.0, "scale": 2.0},
        {"column": "flag", "values": ["a", "b"]},
        {
            "column": "ward",
            "values": ["u", "v"],
            "means": [1.0, 3.0],
            "other": 2.0,
            "cuts": [1.5, 2.5],
            "mean": 2.0,
            "scale": 1.0,
        },
    ],
}
AGES = [1.5, 1.5000001, 2.5, 99.0, -7.0, np.nan, 10.0, 2.0]
FLAGS = ["a", "b", None, "a", "other", "b", "a", "b"]
WARDS = ["u", "v", "w", None, "u", "v", "v", "w"]


def _site(folder: Path) -> Site:
    arrays: dict[str, Any] = {"test/target": np.zeros(8), "test/age": np.array(AGES)}
    for name, values in (("flag", FLAGS), ("ward", WARDS)):
        names = sorted({value for value in values if value is not None})
        arrays[f"test/{name}"] = np.array([-1 if v is None else names.index(v) for v in values])
        arrays[f"test/{name}/values"] = np.array(names)
    np.savez(folder / "rows.npz", **arrays)
    return Site(folder, PLAN)


def _batch() -> pa.Table:
    def codes(values: list[Any], known: list[str]) -> pa.Array:
        return pa.array([known.index(v) if v in known else None for v in values], pa.int16())

    return pa.table(
        {
            "age": pa.array(AGES, from_pandas=True),
            "flag": codes(FLAGS, ["a", "b"]),
            "ward": codes(WARDS, ["u", "v"]),
            "secret": pa.array([None] * 8, pa.float64()),
        }
    )


def _walked(tree: dict[str, Any], bins: Any) -> float:
    node = 0
    while tree["left"][node] >= 0:
        number = bins[tree["feature"][node]]
        goes = tree["missing"][node] if np.isnan(number) else number <= tree["cut"][node]
        node = tree["left"][node] if goes else tree["right"][node]
    return float(tree["leaf"][node])


@st.composite
def trees(draw: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {n: [] for n in ("left", "right", "feature", "cut", "missing", "leaf")}

    def grow(depth: int) -> int:
        node = len(tree["left"])
        for part in tree.values():
            part.append(-1)
        tree["missing"][node], tree["leaf"][node] = 0, 0.0
        if depth == 0 or draw(st.booleans()):
            tree["leaf"][node] = draw(st.floats(-9, 9, width=32))
            return node
        feature = draw(st.integers(0, 3))
        tree["feature"][node] = feature
        tree["cut"][node] = draw(st.integers(-1, widths(PLAN)[feature]))
        tree["missing"][node] = draw(st.integers(0, 1))
        tree["left"][node] = grow(depth - 1)
        tree["right"][node] = grow(depth - 1)
        return node

    grow(3)
    return tree


@given(st.lists(trees(), min_size=1, max_size=3))
@settings(max_examples=60)
def test_trees_predict_as_the_rounds_do(tmp_path_factory: Any, forest: list[Any]) -> None:
    bins = _site(tmp_path_factory.mktemp("site")).bins("test")
    state = _trees({"plan": PLAN, "trees": forest})
    # In the order in which trees are summed.
    wanted = [sum((_walked(tree, row) for tree in forest), 5.0) for row in bins]
    assert federated.predict(state, _batch()).tolist() == wanted
    assert len(state["importance"]) == 4


def test_without_a_tree_the_start_predicts() -> None:
    state = _trees({"plan": PLAN, "trees": []})
    assert state["arrays"]["leaf"] == [0.0]
    assert federated.predict(state, _batch()).tolist() == [5.0] * 8


def test_coefficients_predict_as_the_rounds_do(tmp_path: Path) -> None:
    site = _site(tmp_path)
    found = np.array([0.5, 1.0, -1.0, 2.0, 0.25])
    assert len(inputs(PLAN)) + 1 == len(found)
    rows = linear.standardized(PLAN, site.values("test"))
    state = coefficients_state({"plan": PLAN, "coefficients": found.tolist()})
    got = federated.predict(state, _batch())
    assert np.allclose(got, linear.scores(PLAN, found, rows), rtol=0, atol=1e-9)
