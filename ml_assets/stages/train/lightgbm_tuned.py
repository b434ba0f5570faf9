"""LightGBM with settings searched by Optuna's TPE sampler (Bergstra et al., 2011).

Belongs here: the search, seeded and with a budget in trials, since a budget in seconds is
not reproducible. Does not belong here: growing trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.stages.train import lightgbm
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.families import LightGBMTuned
    from ml_assets.stages.train.folds import Context, Fold

_SEARCHED = ("num_leaves", "learning_rate", "min_data_in_leaf", "feature_fraction")


GREATER = ("auc", "average_precision")
"""The metrics of a curve of which more is better."""


def fit(settings: LightGBMTuned, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the best trial's trees, its settings, and every trial in the report.

    The first trial is `start`, within what suits so many rows; all share one binned data set.
    """
    import optuna

    settings = _for_rows(settings, len(train.target))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    goals = optuna.study.StudyDirection
    direction = goals.MAXIMIZE if context.metric in GREATER else goals.MINIMIZE
    sampler = optuna.samplers.TPESampler(seed=context.seed)
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.enqueue_trial(
        {
            name: getattr(settings.start, name)  # never an error
            for name in _SEARCHED
        }
    )
    data = lightgbm.datasets(settings.start, train, validation, context)
    best: dict[str, Any] = {}
    trials = []
    for number in range(settings.trials):
        trial = study.ask()
        tried = settings.start.model_copy(update=_suggested(trial, settings))
        state = lightgbm.grow(tried, data, context)
        curve = state["report"]["curve"]["validation"]
        value = curve[state["trees"] - 1] if curve else 0.0
        study.tell(trial, value)
        trials.append({"trial": number, "value": value, "trees": state["trees"], **trial.params})
        if study.best_trial.number == trial.number:
            best = {**state, "settings": tried.model_dump(mode="json")}
    best["report"]["trials"] = trials
    return best


def refit(
    settings: LightGBMTuned, state: dict[str, Any], fold: Fold, context: Context
) -> dict[str, Any]:
    """Return as many trees as were found, with the settings found, grown on the fold."""
    updated = settings.start.model_copy(update=state["settings"])
    return lightgbm.refit(updated, state, fold, context)


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return LightGBM's predictions, as the family `lightgbm` does."""
    return lightgbm.predict(state, batch)


def _for_rows(settings: LightGBMTuned, rows: int) -> LightGBMTuned:
    """Return settings whose leaves suit so many rows: on few, large leaves leave no split at all.

    A leaf needs at most a twentieth of the rows, and the search begins at a four-hundredth. Above
    10,000 rows the defaults stay as they are.
    """
    most, least = max(rows // 20, 1), max(rows // 400, 1)
    low, high = settings.min_data_in_leaf
    fewest, greatest = settings.num_leaves
    start = min(settings.start.min_data_in_leaf, most)
    return settings.model_copy(
        update={
            "min_data_in_leaf": (min(low, least), min(high, most)),
            "num_leaves": (min(fewest, max(rows // 100, 4)), greatest),
            "start": settings.start.model_copy(update={"min_data_in_leaf": start}),
        }
    )


def _suggested(trial: Any, settings: LightGBMTuned) -> dict[str, Any]:
    """Return a trial's settings; each range is widened to hold the first trial's value."""
    suggested: dict[str, Any] = {}
    for name in _SEARCHED:
        start = getattr(settings.start, name)  # never an error
        low, high = getattr(settings, name)  # never an error
        low, high = min(low, start), max(high, start)
        if isinstance(start, int):
            suggested[name] = trial.suggest_int(name, low, high, log=True)
        else:
            suggested[name] = trial.suggest_float(name, low, high, log=name == "learning_rate")
    return suggested
