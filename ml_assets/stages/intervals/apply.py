"""From predictions and a calibrated document to intervals, or to sets of classes.

Belongs here: what a release carries to use the document: numpy and the standard library only.
Does not belong here: calibrating (`calibrate`).

The document has a limit of the error for all rows, and one for each slice that had enough rows.
A row whose slice is not in the document has the limit for all rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TRUTH = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
Slices = Mapping[str, Sequence[Any]]
"""The values of the rows by column of `by`: texts, numbers, true or false, None for missing."""


def apply(document: Mapping[str, Any], prediction: Array, slices: Slices) -> tuple[Array, Array]:
    """Return low and high (n,) for predictions (n,); NaN where calibration had too few rows.

    >>> document = {"by": [], "slices": [], "all": {"limit": 2.0}}
    >>> apply(document, np.array([5.0]), {})
    (array([3.]), array([7.]))
    """
    limit = limits(document, len(prediction), slices)
    return prediction - limit, prediction + limit


def classes(document: Mapping[str, Any], prediction: Array, slices: Slices) -> NDArray[np.bool_]:
    """Return which classes are in each row's set (n, k); all where calibration had too few rows.

    `prediction` is (n, k) probabilities, or (n,) probabilities of class 1. The likeliest class is
    always in the set.

    >>> document = {"by": [], "slices": [], "all": {"limit": 0.6}}
    >>> classes(document, np.array([0.9, 0.5]), {})
    array([[False,  True],
           [ True,  True]])
    """
    share = prediction
    if prediction.ndim == 1:
        share = np.column_stack([1.0 - prediction, prediction])
    limit = limits(document, len(share), slices)[:, None]
    inside: NDArray[np.bool_] = (1.0 - share <= limit) | np.isnan(limit)
    inside[np.arange(len(share)), share.argmax(axis=1)] = True
    return inside


def limits(document: Mapping[str, Any], rows: int, slices: Slices) -> Array:
    """Return the limit of the error of each row (n,), NaN for none."""
    overall = document["all"]["limit"]
    found = np.full(rows, np.nan if overall is None else overall, dtype=np.float64)
    known = {tuple(entry["values"]): entry["limit"] for entry in document["slices"]}
    if known:
        columns = [[text(value) for value in slices[name]] for name in document["by"]]
        for place, values in enumerate(zip(*columns, strict=True)):
            found[place] = known.get(values, found[place])
    return found


def text(value: Any) -> str | None:
    """Return a value as the document writes it.

    >>> text("JFK"), text(True), text(3.0), text(""), text(float("nan"))
    ('JFK', 'true', '3', None, None)
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return None
        return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
    return str(value)


def read(kind: str, field: str) -> Any:
    """Return a field of a CSV file, of a feature of some type, as `text` takes it.

    >>> read("boolean", "TRUE"), read("integer", "3.0"), read("category", "3.0")
    (True, 3.0, '3.0')
    """
    if field == "" or kind == "category":
        return field
    return TRUTH[field.strip().lower()] if kind == "boolean" else float(field)


def header(document: Mapping[str, Any]) -> list[str]:
    """Return the names of what is added to a prediction."""
    return ["low", "high"] if document["task"] == "regression" else ["set"]


def fields(
    document: Mapping[str, Any], names: Sequence[str], prediction: Array, slices: Slices
) -> list[list[str]]:
    """Return what is added to each of n predictions, as fields of a CSV file.

    Low and high, empty where there are none; or the set of classes as a JSON list, of 0 and 1 for
    a model without names of classes.
    """
    if document["task"] == "regression":
        ends = np.column_stack(apply(document, prediction, slices)).tolist()
        return [["" if math.isnan(end) else repr(end) for end in pair] for pair in ends]
    every: Sequence[Any] = names or [0, 1]
    return [
        [json.dumps([every[place] for place in np.flatnonzero(row).tolist()], ensure_ascii=False)]
        for row in classes(document, prediction, slices)
    ]
