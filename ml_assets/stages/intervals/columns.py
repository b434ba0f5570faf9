"""The columns that intervals, or sets of classes, add to predictions in a table.

Belongs here: from a table of features to Arrow columns. Does not belong here: the arithmetic
(`apply`), which a release carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.intervals import apply
from ml_assets.stages.train.encode import Array

FEW = 8
"""Rows that are looked up one by one, which is faster then."""


def columns(
    limits: Mapping[str, Any] | None,
    model: Mapping[str, Any],
    prediction: Array,
    features: pa.Table,
) -> dict[str, pa.Array]:
    """Return `low` and `high`, missing where there are none, or `set`; nothing without limits.

    `prediction` are those (n,) or (n, k) of `model` for `features` (n rows). A set is a JSON
    list of classes, of 0 and 1 for a binary model, as in the file that a release writes.
    """
    if limits is None:
        return {}
    if limits["task"] != "regression":
        slices = {name: features[name].to_pylist() for name in limits["by"]}
        texts = apply.fields(limits, model["classes"], prediction, slices)
        return {"set": pa.array([text for (text,) in texts], pa.string())}
    limit = _limits(limits, features, len(prediction))
    ends = {"low": prediction - limit, "high": prediction + limit}
    return {name: pa.array(end, pa.float64(), from_pandas=True) for name, end in ends.items()}


def _limits(limits: Mapping[str, Any], features: pa.Table, rows: int) -> Array:
    """Return the limit of each row (n,), looked up once for rows of the same slice."""
    if rows <= FEW:
        return apply.limits(
            limits, rows, {name: features[name].to_pylist() for name in limits["by"]}
        )
    code = np.zeros(rows, dtype=np.int64)
    for name in limits["by"]:
        column = features[name].combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        places = column.indices.cast(pa.int64()).fill_null(-1).to_numpy()
        # Codes of the slices so far, again from 0: their number stays below that of the rows.
        both = code * (len(column.dictionary) + 1) + places + 1
        code = np.unique(both, return_inverse=True)[1].astype(np.int64)
    _, first, slice_of = np.unique(code, return_index=True, return_inverse=True)
    some = features.select(limits["by"]).take(pa.array(first))
    slices = {name: some[name].to_pylist() for name in limits["by"]}
    return apply.limits(limits, len(first), slices)[slice_of]


def off(coverage: Mapping[str, Any] | None) -> list[str]:
    """Return what a person must be told of intervals: that they are not calibrated."""
    if coverage is None or coverage["calibrated"]:
        return []
    return [f"intervals are {coverage['text']}"]
