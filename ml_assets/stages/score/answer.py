"""The answer to rows: their predictions, and what a reader must know of each.

Belongs here: the columns of an answer. Does not belong here: files.

| column | holds |
| --- | --- |
| `prediction` | a number; of a binary model the probability of true; of classes the likeliest |
| `class` | of a binary model with a threshold: whether the probability reaches it |
| `probability_<class>` | of classes: the probability of each |
| `low`, `high` | of a number with prediction intervals: the ends of its interval |
| `set` | of classes with prediction intervals: those that may be true, as a JSON list |
| `unseen` | the features whose category the model never saw, and so counts as missing |
| `missing_joins` | the joined datasets that had no batch for the row |
| `problem` | why there is no prediction: a rule and the reason |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.score.few import Values
from ml_assets.stages.score.read import Ints
from ml_assets.stages.train.encode import Array

PREDICTION, UNSEEN, MISSING_JOINS, PROBLEM = "prediction", "unseen", "missing_joins", "problem"
CLASS = "class"
PROBABILITY = "probability_"
"""Before the name of a class."""


def answer(
    document: Mapping[str, Any],
    rows: int,
    at: Ints,
    prediction: Array,
    unseen: Sequence[str | None],
    missing_joins: Sequence[str | None],
    problems: Mapping[int, str],
    intervals: Mapping[str, pa.Array] | None = None,
) -> pa.Table:
    """Return a row for each of `rows`: those `at` (n,) have a `prediction` (n,) or (n, classes).

    `intervals` (n each), `unseen` and `missing_joins` (n) belong to the same rows; `problems` says
    why the others have nothing.
    """
    columns = {**predicted(document, prediction), **(intervals or {})}
    columns[UNSEEN] = pa.array(unseen, pa.string())
    columns[MISSING_JOINS] = pa.array(missing_joins, pa.string())
    if len(at) != rows or not np.array_equal(at, np.arange(rows)):
        columns = {name: placed(values, rows, at) for name, values in columns.items()}
    columns[PROBLEM] = _listed(rows, problems)
    return pa.table(columns)


def predicted(document: Mapping[str, Any], prediction: Array) -> dict[str, pa.Array]:
    """Return the columns that hold predictions (n,), or probabilities (n, classes), for people."""
    if document["task"] != "multiclass":
        said = {PREDICTION: pa.array(prediction, pa.float64())}
        if "threshold" in document:
            said[CLASS] = pa.array(prediction >= document["threshold"])
        return said
    classes = pa.array([str(name) for name in document["classes"]], pa.string())
    best = prediction.argmax(axis=1) if len(prediction) else np.zeros(0, dtype=np.int64)
    each = {
        f"{PROBABILITY}{c}": pa.array(prediction[:, n]) for n, c in enumerate(classes.to_pylist())
    }
    return {PREDICTION: classes.take(pa.array(best)), **each}


def placed(values: pa.Array, rows: int, at: Ints) -> pa.Array:
    """Return a value for each of `rows`: those `at` (n,) have the values (n), others none."""
    place = np.full(rows, -1, dtype=np.int64)
    place[at] = np.arange(len(at))
    return values.take(pa.array(place, mask=place < 0))


def _listed(rows: int, problems: Mapping[int, str]) -> pa.Array:
    """Return the problem of each of `rows`, null for those without one."""
    if not problems:
        return pa.nulls(rows, pa.string())
    return pa.array([problems.get(row) for row in range(rows)], pa.string())


def unseen_in(
    document: Mapping[str, Any],
    features: pa.Table,
    known: Mapping[str, Set[str]] | None = None,
    values: Values | None = None,
) -> list[str | None]:
    """Return for each row the category features whose value the model never saw, None if none.

    `known` are those that it saw, as `known_of` returns them; with the `values` of a few rows
    these are compared by it.
    """
    unseen: list[list[str]] = [[] for _ in range(len(features))]
    for name, seen in document["categories"].items():
        if document["columns"].get(name) != "category":
            continue
        if known is not None and values is not None:
            given = enumerate(values[name])
            rows = [n for n, v in given if v is not None and v not in known[name]]
        else:
            texts = features[name].cast(pa.string())
            new = pc.invert(pc.is_in(texts, pa.array(seen, pa.string())))
            rows = np.flatnonzero(pc.and_(texts.is_valid(), new).to_numpy()).tolist()
        for row in rows:
            unseen[row].append(name)
    return [", ".join(names) or None for names in unseen]


def known_of(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the categories that a model saw, by feature."""
    return {name: frozenset(values) for name, values in document["categories"].items()}
