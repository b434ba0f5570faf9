"""The columns that intervals, or sets of classes, add to predictions in a table.

Belongs here: from a table of features to Arrow columns. Does not belong here: the arithmetic
(`apply`), which a release carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ml_assets.stages.intervals import apply
from ml_assets.stages.train.encode import Array


def columns(
    limits: Mapping[str, Any] | None, model: Mapping[str, Any], found: Array, features: pa.Table
) -> dict[str, pa.Array]:
    """Return `low` and `high`, missing where there are none, or `set`; nothing without limits.

    `found` are the predictions (n,) or (n, k) of `model` for `features` (n rows). A set is a JSON
    list of classes, of 0 and 1 for a binary model, as in the file that a release writes.
    """
    if limits is None:
        return {}
    slices = {name: features[name].to_pylist() for name in limits["by"]}
    if limits["task"] != "regression":
        texts = apply.fields(limits, model["classes"], found, slices)
        return {"set": pa.array([text for (text,) in texts], pa.string())}
    ends = apply.apply(limits, found, slices)
    return {
        name: pa.array(end, pa.float64(), from_pandas=True)
        for name, end in zip(("low", "high"), ends, strict=True)
    }


def off(coverage: Mapping[str, Any] | None) -> list[str]:
    """Return what a person must be told of intervals: that they are not calibrated."""
    if coverage is None or coverage["calibrated"]:
        return []
    return [f"intervals are {coverage['text']}"]
