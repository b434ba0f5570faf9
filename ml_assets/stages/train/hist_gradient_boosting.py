"""Gradient-boosted trees on histograms by scikit-learn.

Belongs here: parameters, early stopping on our validation, its trees as arrays. Does not belong
here: predicting (`tree_model`).

Missing numbers and categories of at most 255 values are the learner's own; of more values, a
category is what `matrix` makes of it. It runs in one thread: with two, sums differ in the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.stages.train import matrix, preorder, tree_model
from ml_assets.stages.train import objective as goals
from ml_assets.stages.train.class_weight import balanced
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.trees import GREATEST

if TYPE_CHECKING:
    from ml_assets.spec.families import HistGradientBoosting
    from ml_assets.stages.train.folds import Context, Fold

_CODES = 255
"""Most values of a category that scikit-learn's learner takes."""

_LOSSES = {
    "l1": "absolute_error",
    "l2": "squared_error",
    "quantile": "quantile",
    "poisson": "poisson",
}

predict = tree_model.predict


def fit(
    settings: HistGradientBoosting, train: Fold, validation: Fold, context: Context
) -> dict[str, Any]:
    """Return the trees up to the best round on validation, their number, gains and the curve."""
    return _grown(settings, train, validation, context)


def refit(
    settings: HistGradientBoosting, state: dict[str, Any], fold: Fold, context: Context
) -> dict[str, Any]:
    """Return as many trees as were found, grown on the fold without early stopping."""
    updated = settings.model_copy(update={"num_trees": state["trees"]})
    return _grown(updated, fold, None, context)


def _grown(
    settings: HistGradientBoosting, fold: Fold, held_out: Fold | None, context: Context
) -> dict[str, Any]:
    from threadpoolctl import threadpool_limits

    goal = settings.objective or goals.fitting(context.metric)
    goals.check(goal or "", fold.target, context)
    fold = balanced(fold, context, settings.class_weight)
    numbers, inputs = matrix.learn(
        fold.features, fold.target, fold.weight, context, 0, as_codes=_CODES
    )
    by_code = [
        context.columns[part["column"]] == "category" and "table" not in part for part in inputs
    ]
    known = None if held_out is None else held_out.where(held_out.target >= 0)
    stops = known is not None and len(known.target) > 0
    model = _model(settings, context, by_code, stops)
    more = {}
    if known is not None and stops:
        rows = matrix.matrix(matrix.with_tables(inputs), known.features)
        more = {"X_val": rows, "y_val": known.target}
    # scikit-learn finds no bins for a column without a number; a constant one is never split.
    numbers[:, np.isnan(numbers).all(axis=0)] = 0.0
    with threadpool_limits(1):
        model.fit(numbers, fold.target, sample_weight=fold.weight, **more)
    losses = [-float(value) for value in model.validation_score_[1:]] if stops else []
    trees = int(np.argmin(losses)) + 1 if losses else int(model.n_iter_)
    grown = model._predictors[:trees]
    name = "log_loss" if context.task != "regression" else model.loss
    arrays, start = _arrays(grown, by_code), np.ravel(model._baseline_prediction).tolist()
    if context.task == "multiclass" and len(start) == 1:
        # Of two classes scikit-learn scores the second; the first then has 0.
        arrays["leaf"] = [[0.0, value] for value in arrays["leaf"]]
        start = [0.0, *start]
    return {
        **({"link": "log"} if goal == "poisson" else {}),
        "task": context.task,
        "inputs": inputs,
        "kind": "trees",
        "mean": False,
        "arrays": arrays,
        "start": start,
        "trees": trees,
        "importance": matrix.by_column(_gains(grown, by_code), inputs, context),
        "report": {"curve": {"metric": name.replace("_", " "), "validation": losses}},
    }


def _model(
    settings: HistGradientBoosting, context: Context, by_code: list[bool], stops: bool
) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    regression = context.task == "regression"
    loss = "absolute_error" if context.metric in ("mae", "median_ae") else "squared_error"
    goal, more = settings.objective or goals.fitting(context.metric), {}
    if goal is not None:
        loss = _LOSSES[goal]
    if goal == "quantile":
        more = {"quantile": goals.quantile(settings.alpha, context.metric)}
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return kind(
        loss=loss if regression else "log_loss",
        max_iter=settings.num_trees,
        learning_rate=settings.learning_rate,
        max_leaf_nodes=settings.num_leaves,
        min_samples_leaf=settings.min_data_in_leaf,
        l2_regularization=settings.lambda_l2,
        max_bins=settings.max_bin,
        categorical_features=by_code if any(by_code) else None,
        early_stopping=stops,
        n_iter_no_change=settings.early_stopping,
        random_state=context.seed,
        **more,
    )


def _places(by_code: list[bool]) -> Any:
    """Return the column of each of the learner's features: it puts those by code first."""
    return np.argsort(~np.array(by_code), kind="stable")


def _arrays(grown: list[Any], by_code: list[bool]) -> dict[str, Any]:
    forest, places = preorder.Arrays(), _places(by_code)
    for tree in (tree for several in grown for tree in several):
        nodes, leaf = tree.nodes, tree.nodes["is_leaf"] == 1
        sets = tree.raw_left_cat_bitsets
        members = {
            int(node): _codes(sets[nodes["bitset_idx"][node]])
            for node in np.flatnonzero((nodes["is_categorical"] == 1) & ~leaf)
        }
        forest.add(
            left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
            right=nodes["right"].astype(np.int64),
            feature=places[nodes["feature_idx"]],
            threshold=np.minimum(nodes["num_threshold"], GREATEST),
            missing=nodes["missing_go_to_left"],
            leaf=nodes["value"].tolist(),
            members=members,
        )
    return forest.state()


def _codes(bits: Any) -> list[int]:
    """Return the codes of a set that is held as eight numbers of 32 bits."""
    return [code for code in range(256) if int(bits[code // 32]) >> code % 32 & 1]


def _gains(grown: list[Any], by_code: list[bool]) -> Array:
    """Return what the splits by each column gained."""
    gains, places = np.zeros(len(by_code)), _places(by_code)
    for tree in (tree for several in grown for tree in several):
        splits = tree.nodes[tree.nodes["is_leaf"] == 0]
        np.add.at(gains, places[splits["feature_idx"]], splits["gain"])
    return gains
