"""Gradient-boosted trees (Ke et al., 2017) by LightGBM.

Belongs here: parameters, early stopping, the text that a booster is stored as. Does not belong
here: reading and binning rows (`binned`), searching for settings.

Trees are the same with one and with two threads (`deterministic`, `force_row_wise`); the model's
text then differs only in its parameters section, whose `num_threads` line is left out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages import metrics
from ml_assets.stages.train import objective as goals
from ml_assets.stages.train.class_weight import balanced
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.families import LightGBM
    from ml_assets.stages.train.folds import Context, Fold

_OBJECTIVES = {"mae": "l1", "median_ae": "l1", "mape": "l1", "rmse": "l2", "r2": "l2"}
_METRICS: dict[str, str | dict[str, str]] = {
    "mae": "l1",
    "rmse": "rmse",
    "r2": "l2",
    "auc": "auc",
    "mape": "mape",
    "average_precision": "average_precision",
    # LightGBM has none of these; what it learns stands in.
    "f1": {"binary": "binary_logloss", "multiclass": "multi_logloss"},
    "balanced_accuracy": {"binary": "binary_logloss", "multiclass": "multi_logloss"},
    "recall_at_precision": {"binary": "binary_logloss"},
    "accuracy": {"binary": "binary_error", "multiclass": "multi_error"},
    "log_loss": {"binary": "binary_logloss", "multiclass": "multi_logloss"},
}
_CURVES = {
    "r2": "mean squared error",
    "accuracy": "error rate",
    "mape": "mean absolute error relative to the target, or to 1 where that is more",
    "f1": "log_loss",
    "balanced_accuracy": "log_loss",
    "recall_at_precision": "log_loss",
}
"""What the curve shows if LightGBM has only an equivalent metric."""


def fit(settings: LightGBM, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the trees up to the best round on validation, their number, gains and the curve."""
    data = datasets(settings, train, validation, context)
    return grow(settings, data, context)


def refit(
    settings: LightGBM, state: dict[str, Any], fold: Fold, context: Context
) -> dict[str, Any]:
    """Return as many trees as were found, grown on the fold without early stopping."""
    import lightgbm

    from ml_assets.stages.train.binned import binned

    params = parameters(settings, context)
    data = binned(params, balanced(fold, context, settings.class_weight))
    booster = lightgbm.train(params, data, num_boost_round=state["trees"])
    return _state(booster, state["trees"])


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return values (n,), or probabilities (n,) of class 1 or (n, k)."""
    return np.asarray(_booster(state["model"]).predict(batch), dtype=np.float64)


@lru_cache(maxsize=2)
def _booster(text: str) -> Any:
    """Return a model's trees, parsed once: parsing takes longer than predicting a row."""
    import lightgbm

    return lightgbm.Booster(model_str=text)


def parameters(settings: LightGBM, context: Context) -> dict[str, Any]:
    """Return LightGBM's parameters; objective and metric follow the task and the spec's metric."""
    other = {"regression": "l2", "binary": "binary", "multiclass": "multiclass"}
    asked = settings.objective or goals.fitting(context.metric)
    params = {
        "objective": asked or _OBJECTIVES.get(context.metric, other[context.task]),
        "metric": _metric(context) or "None",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.num_leaves,
        "min_data_in_leaf": settings.min_data_in_leaf,
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1 if settings.bagging_fraction < 1 else 0,
        "lambda_l2": settings.lambda_l2,
        "max_bin": settings.max_bin,
        "feature_pre_filter": False,
        "deterministic": True,
        "force_row_wise": True,
        "seed": context.seed,
        "num_threads": context.threads,
        "verbosity": -1,
    }
    if context.task == "multiclass":
        params["num_class"] = len(context.classes)
    if asked == "quantile":
        params["alpha"] = goals.quantile(settings.alpha, context.metric)
    return params


def datasets(
    settings: LightGBM, train: Fold, validation: Fold, context: Context
) -> tuple[Any, Any]:
    """Return LightGBM's binned train and validation data.

    The second is None if validation holds none of train's classes.
    """
    from ml_assets.stages.train.binned import binned

    params = parameters(settings, context)
    goals.check(params["objective"], train.target, context)
    data = binned(params, balanced(train, context, settings.class_weight))
    held_out = validation
    if context.task == "multiclass":
        # LightGBM accepts no label that train does not hold.
        held_out = validation.where(validation.target >= 0)
    if len(held_out.target) == 0:
        return data, None
    return data, binned(params, replace(held_out, weight=None), reference=data)


def grow(settings: LightGBM, data: tuple[Any, Any], context: Context) -> dict[str, Any]:
    """Return the state of a booster grown on binned data, stopped early on its second part."""
    import lightgbm

    curve: dict[str, Any] = {}
    train, held_out = data
    stops = held_out is not None
    callbacks = [lightgbm.record_evaluation(curve)]
    if stops:
        callbacks.append(lightgbm.early_stopping(settings.early_stopping, verbose=False))
    booster = lightgbm.train(
        parameters(settings, context),
        train,
        num_boost_round=settings.num_trees,
        valid_sets=[held_out] if stops else [],
        valid_names=["validation"] if stops else [],
        feval=None if _metric(context) else _own(context),
        callbacks=callbacks,
    )
    trees = max(booster.best_iteration if stops else booster.current_iteration(), 1)
    values = next(iter(curve.get("validation", {"": []}).values()))
    name = _CURVES.get(metrics.parsed(context.metric)[0], context.metric)
    report = {"curve": {"metric": name, "validation": [float(value) for value in values]}}
    return {**_state(booster, trees), "report": report}


def without_threads(text: str) -> str:
    """Return a booster's text without the `num_threads` line of its parameters section."""
    head, mark, tail = text.rpartition("\nparameters:")
    lines = [line for line in tail.split("\n") if not line.startswith("[num_threads:")]
    return head + mark + "\n".join(lines)


def _metric(context: Context) -> str | None:
    metric = _METRICS.get(metrics.parsed(context.metric)[0])
    return metric if metric is None or isinstance(metric, str) else metric[context.task]


def _state(booster: Any, trees: int) -> dict[str, Any]:
    gains = booster.feature_importance("gain", iteration=trees)
    text = booster.model_to_string(num_iteration=trees)
    return {
        "model": without_threads(text),
        "trees": int(trees),
        "importance": [float(gain) for gain in gains],
    }


def _own(context: Context) -> Any:
    """Return a metric that LightGBM has not, as a function that it calls."""
    name = context.metric
    measure = metrics.function(context.task, name)

    def measured(prediction: Array, data: Any) -> tuple[str, float, bool]:
        return name, measure(data.get_label(), prediction), metrics.greater_is_better(name)

    return measured
