"""What each feature contributes to single predictions, by family.

Belongs here: Shapley values of LightGBM's trees (Lundberg et al., 2020, as LightGBM computes
them), terms of the linear families. A custom family may have a function
`contributions(state, batch) -> (n, columns)` in its file. Does not belong here: which rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.evaluate.rows import Fitted
from ml_assets.stages.train.encode import Array, values
from ml_assets.stages.train.predict import predict_encoded

Found = tuple[str, float, Array]


def contributions(fitted: Fitted, batch: pa.Table, rows: Any) -> Found | None:
    """Return the method, the mean score, and the contributions (len(rows), columns).

    `batch` is encoded; scores are values, log-odds for binary, the raw score of the likeliest
    class for multiclass. None if the family offers none.
    """
    state = fitted.model["state"]
    if "constant" in state:
        return None
    family = fitted.model["family"]
    part = batch.take(pa.array(rows))
    if family in ("lightgbm", "lightgbm_tuned"):
        return _trees(fitted, part)
    if family == "linear":
        return _linear(fitted, batch, part)
    own = getattr(fitted.family, "contributions", None)
    if own is None:
        return None
    return "own", 0.0, np.asarray(own(state, part), dtype=np.float64)


def _trees(fitted: Fitted, part: pa.Table) -> Found:
    import lightgbm

    booster = lightgbm.Booster(model_str=fitted.model["state"]["model"])
    named = part.rename_columns([f"f{place}" for place in range(part.num_columns)])
    amounts = np.asarray(booster.predict(named, pred_contrib=True), dtype=np.float64)
    # (rows, classes x (columns + 1)): the last of each class is its mean score.
    amounts = amounts.reshape(part.num_rows, -1, part.num_columns + 1)
    best = _likeliest(fitted, part, amounts.shape[1])
    chosen = amounts[np.arange(part.num_rows), best]
    return "tree", float(chosen[0, -1]), chosen[:, :-1]


def _linear(fitted: Fitted, batch: pa.Table, part: pa.Table) -> Found:
    state = fitted.model["state"]
    best = _likeliest(fitted, part, len(state["intercept"]))
    whole, some = _terms(state, batch), _terms(state, part)
    mean = whole.mean(axis=1)  # (outputs, columns)
    amounts = some[best, np.arange(part.num_rows)] - mean[best]
    start = state["intercept"][best[0]] + mean[best[0]].sum()
    return "linear", float(start), amounts


def _terms(state: Any, batch: pa.Table) -> Array:
    """Return each column's contribution to each output: (outputs, rows, columns)."""
    place = {name: number for number, name in enumerate(batch.column_names)}
    terms = np.zeros((len(state["intercept"]), batch.num_rows, len(place)))
    for part in state["numbers"]:
        number = values(batch, part["column"])
        number = np.where(np.isnan(number), part["median"], number)
        number = (number - part["mean"]) / part["scale"]
        terms[:, :, place[part["column"]]] = np.outer(part["coefficients"], number)
    for part in state["tables"]:
        code = values(batch, part["column"])
        at = np.where(np.isnan(code), 0, code + 1).astype(np.int64)
        terms[:, :, place[part["column"]]] = np.array(part["coefficients"])[:, at]
    return terms


def _likeliest(fitted: Fitted, part: pa.Table, outputs: int) -> Any:
    if outputs == 1:
        return np.zeros(part.num_rows, dtype=np.int64)
    return predict_encoded(fitted.model, fitted.family, part).argmax(axis=1)
