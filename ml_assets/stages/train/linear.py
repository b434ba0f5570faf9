"""Ridge or logistic regression: scikit-learn fits, plain arrays predict.

Belongs here: the pipeline and the export of its arrays. Does not belong here: anything pickled.

scikit-learn's `predict` differs in the last bits between a row alone and in a batch; here each
row is summed separately, feature by feature in a fixed order.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.train.class_weight import balanced
from ml_assets.stages.train.encode import Array, values
from ml_assets.stages.train.links import linked
from ml_assets.stages.train.sampling import sample

if TYPE_CHECKING:
    from ml_assets.spec.families import Linear
    from ml_assets.stages.train.folds import Context, Fold

_ROUNDS = 500


def fit(settings: Linear, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Return the arrays of the pipeline, fitted on at most `max_rows` rows of train."""
    return _fit(settings, train, context)


def refit(settings: Linear, state: dict[str, Any], fold: Fold, context: Context) -> dict[str, Any]:
    """Return the arrays of the pipeline, refitted on the fold."""
    return _fit(settings, fold, context)


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return values (n,), or probabilities (n,) of class 1 or (n, k)."""
    scores = [np.full(batch.num_rows, start) for start in state["intercept"]]
    for part in state["numbers"]:
        number = values(batch, part["column"])
        number = np.where(np.isnan(number), part["median"], number)
        number = (number - part["mean"]) / part["scale"]
        pairs = zip(scores, part["coefficients"], strict=True)
        scores = [score + number * coefficient for score, coefficient in pairs]
    for part in state["tables"]:
        code = values(batch, part["column"])
        place = np.where(np.isnan(code), 0, code + 1).astype(np.int64)
        pairs = zip(scores, part["coefficients"], strict=True)
        scores = [score + np.array(table, dtype=np.float64)[place] for score, table in pairs]
    return linked(state["task"], scores)


def _fit(settings: Linear, fold: Fold, context: Context) -> dict[str, Any]:
    from threadpoolctl import threadpool_limits

    fold = balanced(fold, context, settings.class_weight)
    rows = sample(fold.target, settings.max_rows, classes=context.task != "regression")
    table = fold.take(rows)
    matrix = np.column_stack([_plain(table, name, kind) for name, kind in context.columns.items()])
    target, weight = fold.target[rows], None if fold.weight is None else fold.weight[rows]
    if weight is not None and not weight.any():
        weight = None
    pipeline = _pipeline(settings, context)
    # One thread: with two, BLAS sums in another order.
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        pipeline.fit(matrix, target, model__sample_weight=weight)
    state = _arrays(pipeline, context)
    # scikit-learn's warnings (no convergence) are facts about the model.
    notes = [str(warning.message).partition("\n")[0] for warning in caught]
    if len(rows) < len(fold.target):
        notes.append(f"fitted on {len(rows):,} of {len(fold.target):,} evenly spaced rows")
    return {**state, "rows": len(rows), "report": {"notes": notes}}


def _plain(table: pa.Table, name: str, kind: str) -> Array:
    column = values(table, name)
    return np.where(np.isnan(column), -1.0, column) if kind == "category" else column


def _pipeline(settings: Linear, context: Context) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    kinds = list(context.columns.values())
    numbers = [place for place, kind in enumerate(kinds) if kind != "category"]
    tables = [place for place, kind in enumerate(kinds) if kind == "category"]
    scaled = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    parts = [
        ("numbers", scaled, numbers),
        ("tables", OneHotEncoder(handle_unknown="ignore"), tables),
    ]
    model: Any = LogisticRegression(C=1.0 / settings.alpha, max_iter=_ROUNDS)
    if context.task == "regression":
        model = Ridge(alpha=settings.alpha, solver="sparse_cg", tol=1e-8, max_iter=_ROUNDS)
    return Pipeline(
        [
            ("encode", ColumnTransformer([p for p in parts if p[2]], sparse_threshold=1.0)),
            ("model", model),
        ]
    )


def _arrays(pipeline: Any, context: Context) -> dict[str, Any]:
    """Return the fitted pipeline as plain lists: coefficients by feature, then by output."""
    encoder = pipeline["encode"].named_transformers_
    coefficients = np.atleast_2d(pipeline["model"].coef_)
    intercept = np.atleast_1d(pipeline["model"].intercept_)
    if context.task == "multiclass" and len(coefficients) == 1:
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercept = np.array([0.0, intercept[0]])
    numbers = [name for name, kind in context.columns.items() if kind != "category"]
    first, rest = np.split(coefficients, [len(numbers)], axis=1)
    return {
        "task": context.task,
        "intercept": intercept.tolist(),
        "numbers": _numbers(encoder.get("numbers"), numbers, first),
        "tables": _tables(encoder.get("tables"), context.categories, rest),
    }


def _numbers(scaled: Any, names: list[str], coefficients: Array) -> list[dict[str, Any]]:
    return [
        {
            "column": name,
            "median": float(np.nan_to_num(scaled["impute"].statistics_[place])),
            "mean": float(scaled["scale"].mean_[place]),
            "scale": float(scaled["scale"].scale_[place]),
            "coefficients": coefficients[:, place].tolist(),
        }
        for place, name in enumerate(names)
    ]


def _tables(
    one_hot: Any, categories: Mapping[str, Sequence[str]], coefficients: Array
) -> list[dict[str, Any]]:
    """Return a table by code + 1 for each output; index 0 is for missing values."""
    tables, start = [], 0
    for place, (name, known) in enumerate(categories.items()):
        codes = one_hot.categories_[place].astype(np.int64)
        table = np.zeros((len(coefficients), len(known) + 1))
        table[:, codes + 1] = coefficients[:, start : start + len(codes)]
        tables.append({"column": name, "coefficients": table.tolist()})
        start += len(codes)
    return tables
