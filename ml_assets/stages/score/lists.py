"""The answer to a few rows of features as lists of values: what `answer` says, without Arrow.

Belongs here: the columns of an answer for rows that all have a prediction. Does not belong here:
what the columns mean (`answer`), reading rows (`row`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

from ml_assets.stages.intervals import apply
from ml_assets.stages.score.answer import (
    CLASS,
    MISSING_JOINS,
    PREDICTION,
    PROBABILITY,
    PROBLEM,
    UNSEEN,
)
from ml_assets.stages.score.few import Values
from ml_assets.stages.train.encode import Array

Lists = Mapping[str, Sequence[Any]]
"""The columns of an answer, in their order."""


def answer_lists(
    document: Mapping[str, Any],
    limits: Mapping[str, Any] | None,
    known: Mapping[str, Set[str]],
    prediction: Array,
    values: Values,
) -> Lists:
    """Return the answer to n rows with features `values` and a `prediction` (n,) or (n, classes).

    `known` are the categories that the model saw; `limits` are how its intervals are made.
    """
    rows = len(prediction)
    return {
        **_predicted(document, prediction),
        **_intervals(document, limits, prediction, values),
        UNSEEN: _unseen(document, known, values, rows),
        MISSING_JOINS: [None] * rows,
        PROBLEM: [None] * rows,
    }


def _predicted(document: Mapping[str, Any], prediction: Array) -> Lists:
    if document["task"] != "multiclass":
        said: dict[str, Sequence[Any]] = {PREDICTION: prediction.tolist()}
        if "threshold" in document:
            said[CLASS] = (prediction >= document["threshold"]).tolist()
        return said
    classes = [str(name) for name in document["classes"]]
    each = {f"{PROBABILITY}{name}": prediction[:, n].tolist() for n, name in enumerate(classes)}
    return {PREDICTION: [classes[place] for place in prediction.argmax(axis=1).tolist()], **each}


def _intervals(
    document: Mapping[str, Any],
    limits: Mapping[str, Any] | None,
    prediction: Array,
    values: Values,
) -> Lists:
    if limits is None:
        return {}
    slices = {name: values[name] for name in limits["by"]}
    if limits["task"] != "regression":
        texts = apply.fields(limits, document["classes"], prediction, slices)
        return {"set": [text for (text,) in texts]}
    ends = zip(("low", "high"), apply.apply(limits, prediction, slices), strict=True)
    return {
        name: [None if math.isnan(value) else value for value in end.tolist()] for name, end in ends
    }


def _unseen(
    document: Mapping[str, Any], known: Mapping[str, Set[str]], values: Values, rows: int
) -> list[str | None]:
    unseen: list[list[str]] = [[] for _ in range(rows)]
    for name, seen in known.items():
        if document["columns"].get(name) == "category":
            for row, value in enumerate(values[name]):
                if value is not None and value not in seen:
                    unseen[row].append(name)
    return [", ".join(names) or None for names in unseen]
