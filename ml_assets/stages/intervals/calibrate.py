"""Calibrate prediction intervals on rows that the model had not learned from.

Belongs here: from errors to the limits of the document. Does not belong here: using it (`apply`),
measuring its coverage on test (`evaluate/coverage`).

Split conformal prediction (Papadopoulos et al., 2002; Lei et al., "Distribution-Free Predictive
Inference for Regression", JASA 113, 2018): the limit is the k-th smallest error of n rows, with
k = ceil((n + 1) * coverage). The error of a number is its absolute residual. That of a class is
1 - its probability (Sadinle, Lei and Wasserman, "Least Ambiguous Set-Valued Classifiers With
Bounded Error Levels", JASA 114, 2019). Each slice has its own limit (Mondrian conformal
prediction: Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005, §4.5), if
it has `fewest` rows.

The errors are those of the model before it is refitted, on the validation fold: the refitted model
has learned these rows, and its errors on them are too small. After a cross-validation they are
those of the held-out rows, each of the model that did not learn it (Barber, Candès, Ramdas and
Tibshirani, "Predictive Inference with the Jackknife+", Annals of Statistics 49, 2021, call this
K-fold CV without the plus).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.intervals.apply import text
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.intervals import CalibrateSpec
    from ml_assets.stages.result import Handle

FORMAT = 1
SPREAD = 0.05
"""How much the coverage of a slice's own limit may vary with the rows that happened to calibrate it
(one standard deviation)."""
SCORES = {"regression": "absolute residual"}
CLASS_SCORE = "1 - probability of the class"


def calibrate(
    spec: CalibrateSpec,
    *,
    family: Any,
    model: Handle,
    train: Handle,
    validation: Handle,
    features: Mapping[str, Handle],
    held: Mapping[str, Handle] | None = None,
) -> Result:
    """Return `limits` (JSON), the document that `apply` takes.

    `model` is the chosen family's before refit and `family` its module. `held` are the held-out
    rows of a cross-validation by family: of the chosen one, or of each member of a blend.
    """
    document = model.json()
    if held:
        merged = folds.merged([train.table(), validation.table()], features)
        target, prediction, row = _held(spec, document, held)
        values = _values(spec.by, merged, features)
        values = [[column[place] for place in row] for column in values]
    else:
        target, prediction = _predicted(document, family, validation.table(), features)
        values = _values(spec.by, validation.table(), features)
    error = errors(spec.task, target, prediction)
    limits = limits_of(spec, error, values)
    limits["method"] = "cross_validation" if held else "validation"
    return Result({"limits": limits}, {"rows": limits["rows"]})


def errors(task: str, target: Array, prediction: Array) -> Array:
    """Return the error (n,) of each row: infinite for a class that the model does not know."""
    if task == "regression":
        return np.abs(target - prediction)
    share = prediction
    if prediction.ndim == 1:
        share = np.column_stack([1.0 - prediction, prediction])
    place = np.where(target >= 0, target, 0).astype(np.int64)
    happened = share[np.arange(len(target)), place]
    return np.where(target >= 0, 1.0 - happened, np.inf)


def limits_of(
    spec: CalibrateSpec, error: Array, values: Sequence[Sequence[str | None]]
) -> dict[str, Any]:
    """Return the document of errors (n,) and the texts of each column of `by` (n each)."""
    usable = ~np.isnan(error)
    slices: dict[tuple[str | None, ...], list[int]] = {}
    if values:
        for place, key in enumerate(zip(*values, strict=True)):
            if usable[place]:
                slices.setdefault(key, []).append(place)
    least = fewest(spec.coverage)
    own = {key: rows for key, rows in slices.items() if len(rows) >= least}
    few = [len(rows) for key, rows in slices.items() if key not in own]
    return {
        "format": FORMAT,
        "task": spec.task,
        "coverage": spec.coverage,
        "score": SCORES.get(spec.task, CLASS_SCORE),
        "by": list(spec.by),
        "hidden": list(spec.hidden),
        "rows": int(usable.sum()),
        "left_out": int((~usable).sum()),
        "all": _entry(spec, error[usable]),
        "slices": [
            {"values": list(key), **_entry(spec, error[own[key]])}
            for key in sorted(own, key=lambda key: (-len(own[key]), [v or "" for v in key]))
        ],
        "few": {"slices": len(few), "rows": sum(few), "fewest": least},
    }


def fewest(coverage: float) -> int:
    """Return how many rows a slice needs for a limit of its own.

    There must be a limit, and the coverage that it gives, which has a beta distribution over the
    rows that calibrate, must not vary by more than `SPREAD`.

    >>> fewest(0.5), fewest(0.8), fewest(0.9), fewest(0.99)
    (98, 62, 34, 99)
    """
    there = math.ceil(round(coverage / (1.0 - coverage), 9))
    return max(there, math.ceil(round(coverage * (1.0 - coverage) / SPREAD**2, 9)) - 2)


def limit(error: Array, coverage: float) -> float | None:
    """Return the k-th smallest of n errors, k = ceil((n + 1) * coverage); None if k > n.

    >>> limit(np.arange(1.0, 10.0), 0.9), limit(np.arange(1.0, 9.0), 0.9)
    (9.0, None)
    """
    # Rounded, since (9 + 1) * 0.9 may be a little over 9.
    place = math.ceil(round((len(error) + 1) * coverage, 9))
    if place > len(error):
        return None
    quantile = float(np.partition(error, place - 1)[place - 1])
    return quantile if math.isfinite(quantile) else None


def _entry(spec: CalibrateSpec, error: Array) -> dict[str, Any]:
    return {"rows": len(error), "limit": limit(error, spec.coverage)}


def _predicted(
    document: Mapping[str, Any], family: Any, rows: pa.Table, features: Mapping[str, Handle]
) -> tuple[Array, Array]:
    targets, predictions = [], []
    for _, table in folds.read(rows, features, [*sorted(document["columns"]), "_target"]):
        targets.append(folds.labels(table, document["classes"]))
        predictions.append(predict(document, family, table))
    return np.concatenate(targets), np.concatenate(predictions)


def _held(
    spec: CalibrateSpec, document: Mapping[str, Any], held: Mapping[str, Handle]
) -> tuple[Array, Array, list[int]]:
    """Return target and prediction of the held-out rows, a blend's by its weights, and the rows."""
    tables = {name: handle.table() for name, handle in held.items()}
    members = document["state"].get("members", [])
    weights = {member["name"]: member["weight"] for member in members}
    if not weights:
        weights = {next(iter(tables)): 1.0}
    first = tables[next(iter(weights))]
    names = [name for name in first.column_names if name.startswith("p") and name != "part"]
    total = sum(
        weight * np.column_stack([tables[member][name].to_numpy() for name in names])
        for member, weight in weights.items()
    )
    prediction = np.asarray(total, dtype=np.float64)
    if spec.task != "multiclass":
        prediction = prediction[:, 0]
    return first["target"].to_numpy(), prediction, first["row"].to_pylist()


def _values(
    names: Sequence[str], rows: pa.Table, features: Mapping[str, Handle]
) -> list[list[str | None]]:
    """Return the texts of some columns of a fold's rows."""
    columns: list[list[str | None]] = [[] for _ in names]
    if names:
        for _, table in folds.read(rows, features, list(names)):
            for place, name in enumerate(names):
                columns[place] += [text(value) for value in table[name].to_pylist()]
    return columns
