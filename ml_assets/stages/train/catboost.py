"""Gradient-boosted trees with one split a level (Prokhorenkova et al., 2018) by CatBoost.

Belongs here: parameters, early stopping, CatBoost's trees as arrays. Does not belong here:
predicting (`tree_model`).

CatBoost sees numbers only (`matrix`), so that its trees can be kept as arrays. They are the same
with one and with two threads. It compares numbers in single precision; the thresholds are kept as
those of double precision that send every number to the same side.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.stages.metrics import parsed
from ml_assets.stages.train import encode, matrix, tree_model
from ml_assets.stages.train import objective as goals
from ml_assets.stages.train.class_weight import balanced
from ml_assets.stages.train.trees import single

if TYPE_CHECKING:
    from ml_assets.spec.families import CatBoost
    from ml_assets.stages.train.folds import Context, Fold

_LOSSES = {"regression": "RMSE", "binary": "Logloss", "multiclass": "MultiClass"}
_METRICS: dict[str, dict[str, str]] = {
    "regression": {"mae": "MAE", "mape": "MAPE", "median_ae": "MedianAbsoluteError"},
    "binary": {"auc": "AUC", "accuracy": "Accuracy", "brier": "BrierScore"},
    "multiclass": {"accuracy": "Accuracy"},
}
"""CatBoost's name of a metric, where it is not that of the loss."""
_OBJECTIVES = {"l1": "MAE", "l2": "RMSE", "quantile": "Quantile", "poisson": "Poisson"}
_NAMES = {"RMSE": "rmse", "MAE": "mae", "Logloss": "log_loss", "MultiClass": "log_loss"}
_BIGGEST = float(np.finfo(np.float32).max)

predict = tree_model.predict


def fit(settings: CatBoost, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the trees up to the best round on validation, their number, gains and the curve."""
    return _grown(settings, train, validation, context)


def refit(
    settings: CatBoost, state: dict[str, Any], fold: Fold, context: Context
) -> dict[str, Any]:
    """Return as many trees as were found, grown on the fold without early stopping."""
    updated = settings.model_copy(
        update={
            "num_trees": state["trees"],
            "learning_rate": state["settings"]["learning_rate"],
        }
    )
    return _grown(updated, fold, None, context)


def _grown(
    settings: CatBoost, fold: Fold, held_out: Fold | None, context: Context
) -> dict[str, Any]:
    import catboost

    goal = _objective(settings, context)
    goals.check(goal or "", fold.target, context)
    fold = balanced(fold, context, settings.class_weight)
    numbers, inputs = matrix.learn(
        fold.features, fold.target, fold.weight, context, settings.one_hot
    )
    state = {
        "task": context.task,
        "inputs": inputs,
        "kind": "oblivious",
        "mean": False,
    }
    if goal == "poisson":
        state["link"] = "log"
    if not _varies(numbers):
        return {**state, **_no_trees(settings, fold, context)}
    model = catboost.CatBoost(_parameters(settings, context))
    train = catboost.Pool(_single(numbers), fold.target, weight=fold.weight)
    known = None if held_out is None else held_out.where(held_out.target >= 0)
    if known is not None and len(known.target):
        rows = matrix.matrix(matrix.with_tables(inputs), known.features)
        model.fit(
            train,
            eval_set=catboost.Pool(_single(rows), known.target),
            early_stopping_rounds=settings.early_stopping,
            use_best_model=True,
        )
    else:
        model.fit(train)
    gains = np.asarray(model.get_feature_importance(), dtype=np.float64)
    return {
        **state,
        **_arrays(model),
        "trees": int(model.tree_count_),
        "settings": {
            **settings.model_dump(mode="json"),
            "learning_rate": float(model.get_all_params()["learning_rate"]),
        },
        "importance": matrix.by_column(gains, inputs, context),
        "report": {"curve": _curve(model)},
    }


def _parameters(settings: CatBoost, context: Context) -> dict[str, Any]:
    metric = _METRICS[context.task].get(context.metric, _LOSSES[context.task])
    loss = "MAE" if metric in ("MAE", "MAPE") else _LOSSES[context.task]
    goal, (name, _) = _objective(settings, context), parsed(context.metric)
    if name == "pinball":
        metric = f"Quantile:alpha={goals.quantile(None, context.metric)}"
    if name == "poisson_deviance":
        metric = "Poisson"
    if goal is not None:
        loss = _OBJECTIVES[goal]
    if goal == "quantile":
        loss += f":alpha={goals.quantile(settings.alpha, context.metric)}"
    return {
        "loss_function": loss,
        "eval_metric": metric,
        "iterations": settings.num_trees,
        "learning_rate": settings.learning_rate,
        "depth": settings.depth,
        "l2_leaf_reg": settings.lambda_l2,
        "random_seed": context.seed,
        "thread_count": context.threads,
        # By default CatBoost writes a folder of logs.
        "allow_writing_files": False,
        "verbose": False,
    }


def _objective(settings: CatBoost, context: Context) -> str | None:
    """Return what a regression is asked to minimize, if it is not what CatBoost does by default."""
    return settings.objective or goals.fitting(context.metric)


def _arrays(model: Any) -> dict[str, Any]:
    """Return CatBoost's trees as arrays for `trees.Oblivious`, and the scores that they start from.

    Of the model that CatBoost writes, only numbers are read: it also holds the time.
    """
    with tempfile.TemporaryDirectory() as folder:
        # There is no other public way to a tree's splits.
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        trees = json.loads(path.read_text(encoding="utf-8"))["oblivious_trees"]
    splits = [split for tree in trees for split in tree["splits"] or []]
    start = np.atleast_1d(model.get_scale_and_bias()[1])
    leaves = np.concatenate([np.array(tree["leaf_values"]) for tree in trees])
    return {
        "arrays": {
            "depth": [len(tree["splits"] or []) for tree in trees],
            "feature": [int(split["float_feature_index"]) for split in splits],
            "threshold": single(np.array([split["border"] for split in splits])).tolist(),
            "leaf": leaves.reshape(-1, len(start)).tolist(),
        },
        "start": [float(value) for value in start],
    }


def _no_trees(settings: CatBoost, fold: Fold, context: Context) -> dict[str, Any]:
    """Return a state that predicts the same for every row: CatBoost refuses a matrix like this."""
    if context.task == "regression":
        start = [_constant(settings, fold, context)]
    else:
        classes = range(len(context.classes) or 2)
        shares = [float(np.average(fold.target == c, weights=fold.weight)) for c in classes]
        start = [float(np.log(share)) for share in np.clip(shares, 1e-15, 1.0)]
        if context.task == "binary":
            start = [start[1] - start[0]]
    return {
        "arrays": {"depth": [], "feature": [], "threshold": [], "leaf": []},
        "start": start,
        "trees": 0,
        "settings": {**settings.model_dump(mode="json"), "learning_rate": None},
        "importance": [0.0] * len(context.columns),
        "report": {"notes": ["every feature is constant: the model predicts the same for all"]},
    }


def _constant(settings: CatBoost, fold: Fold, context: Context) -> float:
    """Return the one score that a regression has without features."""
    goal = _objective(settings, context)
    if goal in ("quantile", "l1"):
        alpha = goals.quantile(settings.alpha, context.metric) if goal == "quantile" else 0.5
        return float(np.quantile(fold.target, alpha))
    mean = float(np.average(fold.target, weights=fold.weight))
    return float(np.log(mean)) if goal == "poisson" else mean


def _varies(numbers: encode.Array) -> bool:
    """Tell whether any column (n, width) has two values; a missing one is a value."""
    gaps = np.isnan(numbers)
    filled = np.where(gaps, np.nan_to_num(numbers, nan=0.0)[:1], numbers)
    return bool((gaps != gaps[:1]).any() or (filled != filled[:1]).any())


def _single(numbers: encode.Array) -> Any:
    return numbers.clip(-_BIGGEST, _BIGGEST).astype(np.float32)


def _curve(model: Any) -> dict[str, Any]:
    evaluations = model.get_evals_result()
    name = str(model.get_all_params()["eval_metric"]).partition(":")[0]
    values = evaluations.get("validation", {}).get(name, [])
    return {"metric": _NAMES.get(name, name), "validation": [float(value) for value in values]}
