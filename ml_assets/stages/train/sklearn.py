"""Any estimator of the published list, or a pipeline of them (Pedregosa et al., 2011).

Belongs here: inputs, fitting, notes. Does not belong here: how a pipeline is kept and predicts
(`estimator`), which estimators there are (`spec/estimators`).

An estimator sees numbers only (`matrix`); a missing one becomes the median of the training rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages.train import estimator, matrix
from ml_assets.stages.train.class_weight import balanced
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.sampling import sample

if TYPE_CHECKING:
    from ml_assets.spec.families import Sklearn
    from ml_assets.stages.train.folds import Context, Fold

_LARGE = ("_optimizer",)
"""What some estimators keep for a training that goes on; prediction does not need it."""


def fit(settings: Sklearn, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the pipeline fitted on train; StageError if scikit-learn refuses the data."""
    return _fit(settings, train, context)


def refit(settings: Sklearn, state: dict[str, Any], fold: Fold, context: Context) -> dict[str, Any]:
    """Return the pipeline fitted on the fold; StageError if scikit-learn refuses the data."""
    return _fit(settings, fold, context)


def predict(state: Mapping[str, Any], batch: pa.Table) -> Array:
    """Return values (n,), or probabilities (n,) of class 1 or (n, k); StageError if damaged."""
    numbers = matrix.matrix(matrix.with_tables(state["inputs"]), batch)
    try:
        return estimator.predict(state, numbers)
    except estimator.Damaged as error:
        raise StageError(f"the stored estimator is damaged: {error}") from error


def _fit(settings: Sklearn, fold: Fold, context: Context) -> dict[str, Any]:
    from sklearn.utils.validation import has_fit_parameter
    from threadpoolctl import threadpool_limits

    fold = balanced(fold, context, settings.class_weight)
    rows = sample(fold.target, settings.max_rows, classes=context.task != "regression")
    target, weight = fold.target[rows], None if fold.weight is None else fold.weight[rows]
    numbers, inputs = matrix.learn(fold.take(rows), target, weight, context, settings.one_hot)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    pipeline = _pipeline(settings, context.seed)
    more, notes = {}, []
    if weight is not None and weight.any() and has_fit_parameter(pipeline[-1], "sample_weight"):
        more = {"model__sample_weight": weight}
    elif weight is not None:
        notes.append(f"{settings.estimator} takes no weights: its rows count alike")
    answer = target if context.task == "regression" else target.astype(np.int64)
    # One thread: with two, BLAS sums in another order.
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            pipeline.fit(numbers, answer, **more)
        except ValueError as error:
            said = str(error).strip().partition("\n")[0]
            raise StageError(
                f"{settings.estimator} cannot learn from these rows: {said}"
            ) from error
    # scikit-learn's warnings (no convergence) are facts about the model.
    notes += list(dict.fromkeys(str(warning.message).partition("\n")[0] for warning in caught))
    if len(rows) < len(fold.target):
        notes.append(f"fitted on {len(rows):,} of {len(fold.target):,} evenly spaced rows")
    for name in _LARGE:
        vars(pipeline[-1]).pop(name, None)  # never an error
    return {
        "task": context.task,
        "classes": len(context.classes) or 2,
        "inputs": inputs,
        "pipeline": estimator.kept(pipeline),
        "rows": len(rows),
        "report": {"notes": notes},
    }


def _pipeline(settings: Sklearn, seed: int) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    parts: list[tuple[str, Any]] = [
        ("impute", SimpleImputer(strategy="median", keep_empty_features=True))
    ]
    if settings.scale:
        parts.append(("scale", StandardScaler()))
    for number, step in enumerate(settings.steps):
        parts.append((f"step{number}", _made(step.estimator, step.taken, seed)))
    return Pipeline([*parts, ("model", _made(settings.estimator, settings.taken, seed))])


def _made(name: str, settings: Mapping[str, Any], seed: int) -> Any:
    """Return an estimator with its settings, and the seed if it draws."""
    module, _, own = name.rpartition(".")
    kind: Any = getattr(import_module(module), own)  # never an error
    given = {key: _plain(value) for key, value in settings.items()}
    made = kind(**given)
    if "random_state" in made.get_params() and "random_state" not in given:
        made.set_params(random_state=seed)
    return made


def _plain(value: Any) -> Any:
    """Return a list as the tuple that scikit-learn wants."""
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
