"""Trees kept as arrays predict what the library that grew them does; damaged ones are refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import catboost
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from ml_assets.errors import StageError
from ml_assets.stages.train import tree_model
from ml_assets.stages.train.catboost import _arrays, _single
from ml_assets.stages.train.forests import arrays
from ml_assets.stages.train.hist_gradient_boosting import _arrays as boosted
from ml_assets.stages.train.trees import Oblivious, Trees, single

BIGGEST = float(np.finfo(np.float32).max)
TINY: dict[str, Any] = {
    "roots": [0, 3],
    "feature": [0, -1, -1, 1, -1, -1],
    "threshold": [1.5, 2.0],
    "right": [2, 5],
    "missing": [0, 1],
    "members": {"1": [0, 3]},
    "leaf": [10.0, 20.0, 1.0, 2.0],
}


def drawn(seed: int, *, gaps: bool) -> tuple[Any, Any]:
    """Return a matrix (400, 4) with ties, gaps and a constant column, and a value for each row."""
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(400, 4))
    matrix[:, 1] = draw.integers(0, 5, 400)
    matrix[:, 3] = 7.0
    value = 2 * matrix[:, 0] + matrix[:, 1] + draw.normal(size=400)
    if gaps:
        matrix[draw.random(matrix.shape) < 0.1] = np.nan
    return matrix, value


def around(thresholds: Any) -> Any:
    """Return numbers on, beside, and halfway between the single-precision ones of thresholds."""
    near = np.clip(thresholds, -BIGGEST / 2, BIGGEST / 2).astype(np.float32)
    sides = [np.nextafter(near, np.float32(way)) for way in (-np.inf, np.inf)]
    exact = [near.astype(float), *(side.astype(float) for side in sides)]
    middle = [(exact[0] + side) / 2 for side in exact[1:]]
    beside = [np.nextafter(m, way) for m in middle for way in (-np.inf, np.inf)]
    return np.concatenate([*exact, *middle, *beside])


def state_of(kind: str, found: dict[str, Any], task: str, *, start: Any, width: int) -> Any:
    inputs = [{"column": f"x{place}"} for place in range(width)]
    state = {"task": task, "inputs": inputs, "kind": kind, "arrays": found, "start": start}
    return json.loads(json.dumps({**state, "mean": kind == "trees"}, allow_nan=False))


def predicted(state: Any, matrix: Any) -> Any:
    gone = {
        f"x{place}": pa.array(column, from_pandas=True) for place, column in enumerate(matrix.T)
    }
    return tree_model.predict(state, pa.table(gone))


def rows_to_ask(matrix: Any, thresholds: Any) -> Any:
    near = np.tile(around(thresholds)[:, None], (1, matrix.shape[1]))
    wild = np.array([np.nan, -0.0, 1e-320, BIGGEST, -BIGGEST, 1e30])
    return np.vstack([matrix, near, np.tile(wild[:, None], (1, matrix.shape[1]))])


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize(
    "kinds",
    [
        (RandomForestRegressor, RandomForestClassifier),
        (ExtraTreesRegressor, ExtraTreesClassifier),
    ],
)
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_forest_predicts_what_scikit_learn_does_to_the_bit(
    task: str, kinds: Any, gaps: bool
) -> None:
    matrix, value = drawn(1, gaps=gaps)
    target = {"regression": value, "binary": value > 2, "multiclass": np.digitize(value, [1, 3])}
    forest = kinds[task != "regression"](n_estimators=9, random_state=1, max_leaf_nodes=40)
    forest.fit(matrix, target[task])
    found = arrays([tree.tree_ for tree in forest.estimators_], task)
    state = state_of(
        "trees", found, task, start=[0.0] * (3 if task == "multiclass" else 1), width=4
    )
    rows = rows_to_ask(matrix, found["threshold"])
    wanted = forest.predict(rows) if task == "regression" else forest.predict_proba(rows)
    if task == "binary":
        wanted = wanted[:, 1]
    assert np.array_equal(predicted(state, rows), wanted)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_oblivious_trees_predict_what_catboost_does(task: str, gaps: bool) -> None:
    matrix, value = drawn(2, gaps=gaps)
    target = {"regression": value, "binary": value > 2, "multiclass": np.digitize(value, [1, 3])}
    loss = {"regression": "RMSE", "binary": "Logloss", "multiclass": "MultiClass"}[task]
    model = catboost.CatBoost(
        {"iterations": 20, "loss_function": loss, "verbose": False, "allow_writing_files": False}
    )
    model.fit(catboost.Pool(_single(matrix), target[task].astype(float)))
    found = _arrays(model)
    state = state_of("oblivious", found["arrays"], task, start=found["start"], width=4)
    rows = rows_to_ask(matrix, [t for borders in model.get_borders().values() for t in borders])
    kind = "RawFormulaVal" if task == "regression" else "Probability"
    wanted = model.predict(_single(rows), prediction_type=kind)
    wanted = wanted[:, 1] if task == "binary" else wanted
    assert predicted(state, rows) == pytest.approx(wanted, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_boosted_histograms_predict_what_scikit_learn_does(task: str) -> None:
    matrix, value = drawn(3, gaps=True)
    target = {"regression": value, "binary": value > 2, "multiclass": np.digitize(value, [1, 3])}
    by_code = [False, True, False, False]
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = kind(max_iter=10, max_leaf_nodes=9, categorical_features=by_code)
    model.fit(matrix, target[task])
    found = boosted(model._predictors, by_code)
    assert found["members"]
    start = np.ravel(model._baseline_prediction).tolist()
    state = {**state_of("trees", found, task, start=start, width=4), "mean": False}
    rows = rows_to_ask(matrix, found["threshold"])
    # scikit-learn takes no code below 0; codes that it has not seen count as missing there.
    rows = rows[(rows[:, 1] >= 0) | np.isnan(rows[:, 1])]
    rows[~np.isin(rows[:, 1], range(5)), 1] = np.nan
    wanted = model.predict(rows) if task == "regression" else model.predict_proba(rows)
    wanted = wanted[:, 1] if task == "binary" else wanted
    assert predicted(state, rows) == pytest.approx(wanted, rel=1e-14, abs=1e-15)
    if task == "regression":
        assert np.array_equal(predicted(state, rows), wanted)


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=300)
@given(number=FLOATS, threshold=FLOATS | st.sampled_from([np.inf, BIGGEST, -BIGGEST, 0.0]))
def test_a_threshold_for_numbers_in_single_precision(number: float, threshold: float) -> None:
    wide = float(single(np.array([threshold]))[0])
    assert np.isfinite(wide) or threshold < -BIGGEST
    for x in (number, *around([threshold])):
        with np.errstate(under="ignore"):
            narrow = float(np.float32(np.clip(x, -BIGGEST, BIGGEST)))
        assert (x <= wide) == (narrow <= threshold) or threshold < -BIGGEST


def test_tiny_trees_by_hand() -> None:
    trees = Trees(TINY, 2)
    matrix = np.array([[1.5, 0.0], [1.6, 3.0], [np.nan, 1.0], [0.0, np.nan], [0.0, 99.0]])
    assert trees.leaves(matrix).tolist() == [[0, 1, 1, 0, 0], [2, 2, 3, 2, 3]]
    assert trees.scores(matrix, np.array([0.5])).ravel().tolist() == [11.5, 21.5, 22.5, 11.5, 12.5]
    # With two outputs the trees take turns.
    assert trees.scores(matrix[:1], np.zeros(2)).tolist() == [[10.0, 1.0]]
    flat = {"depth": [1, 0], "feature": [1], "threshold": [2.0], "leaf": [[1.0], [2.0], [5.0]]}
    found = Oblivious(flat, 2).scores(
        np.array([[0.0, 2.0], [0.0, 2.5], [0.0, np.nan]]), np.zeros(1)
    )
    assert found.ravel().tolist() == [6.0, 7.0, 6.0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("roots", [0, 9]),
        ("roots", [1, 3]),
        ("roots", []),
        ("roots", [0, 0]),
        ("feature", [0, -1, -1, 2, -1, -1]),
        ("feature", [0, -1, -1, -2, -1, -1]),
        ("feature", [0, -1, -1, 1, -1, 1]),
        ("feature", [0.5, -1, -1, 1, -1, -1]),
        ("threshold", [1.5]),
        ("threshold", [1.5, "x"]),
        ("threshold", [1.5, float("nan")]),
        ("right", [0, 5]),
        ("right", [1, 5]),
        ("right", [4, 5]),
        ("right", [2, 6]),
        ("missing", [0]),
        ("members", {"2": [0]}),
        ("members", {"1": [-1]}),
        ("members", {"1": [1 << 40]}),
        ("leaf", [1.0, 2.0, 3.0]),
        ("leaf", [1.0, 2.0, 3.0, float("inf")]),
        ("leaf", None),
    ],
)
def test_what_is_no_tree_is_refused(name: str, value: Any) -> None:
    with pytest.raises(StageError, match="the model's trees are damaged"):
        Trees({**TINY, name: value}, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth", [2]),
        ("depth", [-1]),
        ("depth", [99]),
        ("feature", [3]),
        ("threshold", [float("inf")]),
        ("leaf", [[1.0]]),
    ],
)
def test_what_is_no_oblivious_tree_is_refused(name: str, value: Any) -> None:
    whole = {"depth": [1], "feature": [1], "threshold": [2.0], "leaf": [[1.0], [2.0]]}
    Oblivious(whole, 2)
    with pytest.raises(StageError, match="the model's trees are damaged"):
        Oblivious({**whole, name: value}, 2)


def test_a_state_is_checked_once_and_again_where_it_is_another() -> None:
    state = state_of("trees", TINY, "regression", start=[0.0], width=2)
    matrix = np.array([[1.5, 0.0]])
    assert predicted(state, matrix).tolist() == [5.5]
    other = copy.deepcopy(state)
    other["arrays"]["leaf"][0] = 20.0
    assert predicted(other, matrix).tolist() == [10.5]
    other = copy.deepcopy(state)
    other["arrays"]["right"][0] = 0
    with pytest.raises(StageError, match="'right' is not what trees can hold"):
        predicted(other, matrix)
