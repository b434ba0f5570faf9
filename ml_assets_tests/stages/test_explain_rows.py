"""Contributions to single predictions: by hand, against all subsets, against LightGBM, additive."""

from __future__ import annotations

import itertools
import math
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import StageError
from ml_assets.spec.families import (
    CatBoost,
    ExtraTrees,
    FamilySpec,
    GroupMedian,
    HistGradientBoosting,
    LightGBM,
    Linear,
    Median,
    Prior,
    RandomForest,
)
from ml_assets.stages.score.explain import Explainer
from ml_assets.stages.score.shapley import Shapley
from ml_assets.stages.train.predict import predict
from ml_assets.stages.train.preorder import Arrays
from ml_assets.stages.train.prepare import encoded
from ml_assets.stages.train.trees import Trees
from ml_assets_tests.stages.flights import World, module

FAMILIES: list[FamilySpec] = [
    LightGBM(family="lightgbm", num_trees=12, min_data_in_leaf=5),
    Linear(family="linear"),
    CatBoost(family="catboost", num_trees=12, depth=4),
    RandomForest(family="random_forest", num_trees=6),
    ExtraTrees(family="extra_trees", num_trees=6, one_hot=2),
    HistGradientBoosting(family="hist_gradient_boosting", num_trees=12, min_data_in_leaf=5),
]


def ready(arrays: Any, rows: Any, owner: list[int] | None = None) -> Shapley:
    width = np.shape(rows)[1]
    trees = Trees(arrays, width)
    of = np.arange(width) if owner is None else np.array(owner)
    return Shapley(trees, of, trees.roots, trees.values, np.array(rows, float), int(of.max()) + 1)


def test_two_features_by_hand() -> None:
    """Cold: 10. Warm: 20, and with wind 40. Half of the days are cold, a quarter has wind."""
    tree = {
        "roots": [0],
        "feature": [0, -1, 1, -1, -1],
        "threshold": [15.0, 5.0],
        "right": [2, 4],
        "missing": [1, 0],
        "leaf": [10.0, 20.0, 40.0],
    }
    days = [[0.0, 0.0], [0.0, 9.0], [20.0, 0.0], [30.0, 9.0]]
    found = ready(tree, days)
    # Of the warm days half have wind: 30 on average.
    assert found.base == 20.0
    # Cold is worth 10 - 20, whatever the wind, which says nothing of a cold day...
    # Known alone, no wind is worth 15 - 20, and 10 - 10 once the day is known to be cold.
    amounts = found.contributions(np.array([[0.0, 0.0], [20.0, 9.0], [np.nan, 9.0]]))
    assert amounts[0] == pytest.approx([-7.5, -2.5])
    # Wind alone: (10 + 40) / 2 - 20 = 5; once it is warm: 40 - 30. Warm: 10, or 15 with wind.
    assert amounts[1] == pytest.approx([12.5, 7.5])
    # A missing temperature goes with the cold.
    assert amounts[2] == pytest.approx([-12.5, 2.5])


def grown(draw: np.random.Generator, width: int, deep: int) -> Any:
    """Return three trees at random, which split by a column as often as they like."""
    found = Arrays()
    for _ in range(3):
        nodes: list[list[float]] = []

        def add(depth: int, nodes: list[list[float]] = nodes) -> int:
            place = len(nodes)
            if depth == deep or (depth and draw.random() < 0.2):
                nodes.append([-1, -1, 0, 0.0, 0, draw.normal()])
                return place
            nodes.append([])
            left, right = add(depth + 1), add(depth + 1)
            column, at = draw.integers(width), draw.normal()
            nodes[place] = [left, right, column, at, draw.integers(2), 0.0]
            return place

        add(0)
        columns = np.array(nodes).T
        left, right, feature = columns[:3].astype(int)
        found.add(
            left=left,
            right=right,
            feature=feature,
            threshold=columns[3],
            missing=columns[4],
            leaf=columns[5].tolist(),
        )
    return found.state()


def expected(trees: Trees, rows: Any, row: Any, known: set[int], owner: list[int]) -> float:
    """Return the mean of trees where only some features are known; `rows` say the shares."""

    def left(node: int, one: Any) -> bool:
        number = one[trees.feature[node]]
        missing = bool(trees.missing[node])
        return missing if np.isnan(number) else bool(number <= trees.threshold[node])

    def mean(node: int, here: list[Any]) -> float:
        if trees.feature[node] < 0:
            return float(trees.values[trees.leaf[node]])
        lefts = [one for one in here if left(node, one)]
        rights = [one for one in here if not left(node, one)]
        sides = node + 1, int(trees.right[node])
        if owner[trees.feature[node]] in known:
            return mean(sides[0], lefts) if left(node, row) else mean(sides[1], rights)
        share = len(lefts) / len(here) if here else 0.5
        return share * mean(sides[0], lefts) + (1 - share) * mean(sides[1], rights)

    return sum(mean(int(root), list(rows)) for root in trees.roots)


@given(st.integers(0, 10_000), st.sampled_from([[0, 1, 2, 3], [0, 0, 1, 2], [2, 1, 0, 1]]))
def test_shapley_values_are_those_over_all_subsets(seed: int, owner: list[int]) -> None:
    draw = np.random.default_rng(seed)
    arrays, rows = grown(draw, 4, 5), draw.normal(size=(12, 4))
    rows[draw.random(rows.shape) < 0.2] = np.nan
    row = np.where(draw.random(4) < 0.2, np.nan, draw.normal(size=4))
    trees, count = Trees(arrays, 4), max(owner) + 1
    worth = {
        known: expected(trees, rows, row, set(known), owner)
        for size in range(count + 1)
        for known in itertools.combinations(range(count), size)
    }
    wanted = np.zeros(count)
    for one in range(count):
        for known in (k for k in worth if one not in k):
            ways = math.factorial(len(known)) * math.factorial(count - len(known) - 1)
            more = worth[tuple(sorted((*known, one)))] - worth[known]
            wanted[one] += ways / math.factorial(count) * more
    found = ready(arrays, rows, owner)
    assert found.base == pytest.approx(worth[()], abs=1e-9)
    assert found.contributions(row[None])[0] == pytest.approx(wanted, abs=1e-9)


def test_they_are_those_of_lightgbm_for_its_own_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_assets.stages.score.shapley.AT_ONCE", 5000)
    draw = np.random.default_rng(3)
    rows = draw.normal(size=(500, 7))
    rows[draw.random(rows.shape) < 0.1] = np.nan
    target = np.nan_to_num(rows[:, 0] * rows[:, 1] + rows[:, 2] ** 2)
    params = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 3}
    booster = lightgbm.train(params, lightgbm.Dataset(rows, target), 20)
    arrays = Arrays()
    for entry in booster.dump_model()["tree_info"]:
        nodes: list[Any] = []

        def add(node: Any, nodes: list[Any] = nodes) -> int:
            place = len(nodes)
            nodes.append([-1, -1, 0, 0.0, 1, node.get("leaf_value", 0.0)])
            if "leaf_value" not in node:
                sides = [add(node[f"{side}_child"]) for side in ("left", "right")]
                split = [node[name] for name in ("split_feature", "threshold", "default_left")]
                nodes[place] = [*sides, *split, 0.0]
            return place

        add(entry["tree_structure"])
        left, right, feature, threshold, missing, leaf = map(np.array, zip(*nodes, strict=True))
        arrays.add(
            left=left,
            right=right,
            feature=feature,
            threshold=threshold,
            missing=missing,
            leaf=leaf.tolist(),
        )
    found = ready(arrays.state(), rows)
    wanted = np.asarray(booster.predict(rows, pred_contrib=True))
    assert found.base == pytest.approx(wanted[0, -1], abs=1e-12)
    assert found.contributions(rows) == pytest.approx(wanted[:, :-1], abs=1e-12)


def explainer(world: World, model: Any) -> Explainer:
    family = module(model["family"])
    return Explainer(model, family, lambda: world.features["day0"].table())


def added(found: dict[str, Any]) -> Any:
    return sum(found.values())


def log_odds(share: Any) -> Any:
    return np.log(share) - np.log1p(-share)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: str(family.family))
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_base_and_contributions_add_up(task: str, family: FamilySpec) -> None:
    world = World(task, rows=60)
    model = world.fit(family).outputs["model"]
    rows = world.features["day8"].table().slice(0, 12)
    asked = explainer(world, model)
    found = asked.explained(rows)
    assert [*found] == ["base", *(f"contribution_{name}" for name in sorted(world.columns))]
    said = predict(model, module(model["family"]), rows)
    best = said if said.ndim == 1 else said.max(axis=1)
    if asked.scale.startswith("the prob") or task == "regression":
        assert added(found) == pytest.approx(best, abs=1e-9)
    elif task == "binary":
        assert asked.scale == "the log-odds"
        assert added(found) == pytest.approx(log_odds(best), abs=1e-9)
    else:
        assert asked.scale == "the raw score of the likeliest class"
    # The holiday says nothing, the wind most.
    means = {name: abs(values).mean() for name, values in found.items() if name != "base"}
    assert means["contribution_wind"] > 3 * means["contribution_holiday"]
    one = asked.explained(rows.slice(3, 1))
    assert {n: v[0] for n, v in one.items()} == pytest.approx({n: v[3] for n, v in found.items()})


@pytest.mark.parametrize(
    "family", [f for f in FAMILIES if f.family in ("catboost", "hist_gradient_boosting")]
)
def test_of_classes_the_raw_scores_are_explained(family: FamilySpec) -> None:
    world = World("multiclass", rows=60)
    model: Any = world.fit(family).outputs["model"]
    rows = world.features["day8"].table().slice(0, 12)
    said = predict(model, module(model["family"]), rows)
    asked = explainer(world, model)
    # Raw scores of two classes differ by the logarithm of their ratio.
    scores = []
    for number in range(3):
        base, amounts = asked._of_class(encoded(model, rows), number)
        scores.append(base + amounts.sum(axis=1))
    raw = np.column_stack(scores)
    wanted = np.log(said / said[:, :1])
    assert raw - raw[:, :1] == pytest.approx(wanted, abs=1e-9)


def blended(world: World, members: list[tuple[FamilySpec, float]]) -> Any:
    models: list[Any] = [world.fit(family).outputs["model"] for family, _ in members]
    parts = [
        {"name": m["family"], "family": m["family"], "weight": weight, "state": m["state"]}
        for m, (_, weight) in zip(models, members, strict=True)
    ]
    return {**models[0], "family": "blend", "state": {"members": parts}}, models


def test_a_blend_of_numbers_is_the_weighted_sum_of_its_members() -> None:
    world = World(rows=60)
    model, models = blended(world, list(zip(FAMILIES, [0.3, 0.2, 0.1, 0.2, 0.1, 0.1], strict=True)))
    rows = world.features["day8"].table().slice(0, 12)
    found = explainer(world, model).explained(rows)
    assert added(found) == pytest.approx(predict(model, module("blend"), rows), abs=1e-9)
    alone = [explainer(world, one).explained(rows)["contribution_wind"] for one in models]
    wanted = sum(m["weight"] * one for m, one in zip(model["state"]["members"], alone, strict=True))
    assert found["contribution_wind"] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(
    "family",
    [f for f in FAMILIES if f.family in ("lightgbm", "catboost", "hist_gradient_boosting")],
)
def test_of_counts_logarithms_are_explained(family: FamilySpec) -> None:
    world = World(rows=60)
    world.change("_target", pa.array(np.arange(60.0) % 7))
    poisson = family.model_copy(update={"objective": "poisson"})
    model: Any = world.fit(poisson).outputs["model"]
    rows = world.features["day8"].table().slice(0, 12)
    asked = explainer(world, model)
    assert asked.scale == "the logarithm of the prediction"
    said = predict(model, module(model["family"]), rows)
    assert np.exp(added(asked.explained(rows))) == pytest.approx(said, abs=1e-9)
    model, _ = blended(world, [(poisson, 0.5), (FAMILIES[3], 0.5)])
    with pytest.raises(StageError, match=f"a mean of values, .* members {family.family} add up"):
        explainer(world, model)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_blend_of_classes_is_explained_if_its_members_are_probabilities(task: str) -> None:
    world = World(task, rows=60)
    model, _ = blended(world, [(FAMILIES[3], 0.25), (FAMILIES[4], 0.75)])
    rows = world.features["day8"].table().slice(0, 12)
    asked = explainer(world, model)
    said = predict(model, module("blend"), rows)
    best = said if task == "binary" else said.max(axis=1)
    assert added(asked.explained(rows)) == pytest.approx(best, abs=1e-9)
    assert asked.scale.startswith("the probability")
    model, _ = blended(world, [(FAMILIES[3], 0.5), (FAMILIES[1], 0.3), (FAMILIES[0], 0.2)])
    with pytest.raises(StageError, match="members linear, lightgbm add up to other scores"):
        explainer(world, model)


def test_a_baseline_has_what_it_looks_at() -> None:
    world = World(rows=60)
    rows = world.features["day8"].table().slice(0, 12)
    model: Any = world.fit(Median(family="median")).outputs["model"]
    found = explainer(world, model).explained(rows)
    assert found["base"].tolist() == [model["state"]["median"]] * 12
    assert added(found).tolist() == found["base"].tolist()
    model = world.fit(GroupMedian(family="group_median", by="carrier")).outputs["model"]
    found = explainer(world, model).explained(rows)
    said = predict(model, module("group_median"), rows)
    assert found["contribution_carrier"].tolist() == (said - model["state"]["overall"]).tolist()
    world = World("multiclass", rows=60)
    model = world.fit(Prior(family="prior")).outputs["model"]
    assert explainer(world, model).explained(rows)["base"][0] == max(model["state"]["shares"])


def test_a_constant_model_has_nothing_to_explain() -> None:
    world = World(rows=12)
    world.change("_target", pa.array([4.0] * 12))
    model = world.fit(FAMILIES[3]).outputs["model"]
    found = explainer(world, model).explained(world.features["day8"].table())
    assert found["base"].tolist() == [4.0] * 12
    assert added(found).tolist() == [4.0] * 12


def test_no_rows_have_no_contributions() -> None:
    world = World(rows=60)
    model = world.fit(FAMILIES[3]).outputs["model"]
    found = explainer(world, model).explained(world.features["day8"].table().slice(0, 0))
    assert {len(values) for values in found.values()} == {0}


def test_an_own_family_without_contributions_says_so() -> None:
    model = {"source": "mine.py", "state": {}, "family": "custom", "task": "regression"}
    with pytest.raises(StageError, match=r"^mine\.py has no function `contributions"):
        Explainer(model, object(), lambda: pa.table({}))
