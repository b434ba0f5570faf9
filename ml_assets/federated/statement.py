"""What a site says of its rows before the first round: one JSON document without any row.

Belongs here: figures of a fold's features and target, each over at least `least` rows. Does not
belong here: reading a home (`site`), agreeing on what sites said (`app/…/agreement`).

| of | it says |
| --- | --- |
| a number | means of blocks of its sorted values without the ends; its values, if few |
| a category | the values that enough rows have, and the mean target of each |
| a boolean | the values that enough rows have |
| a column that may come from a sensitive one | nothing: the model does not read it |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.statistics import columns
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.model import FeatureColumn

BLOCKS = 200
GROWTH = 1.5
"""Each block from either end inwards holds this many times the rows of the one before, until
all are of one size: where values lie far apart, cuts are needed most."""


def stated(
    features: pa.Table,
    target: Array,
    about: Mapping[str, FeatureColumn],
    *,
    task: str,
    least: int,
    hidden: Collection[str] = (),
) -> dict[str, Any]:
    """Return what is said of the target and of each feature of a fold's rows."""
    goal = _numbers(target, least)
    ends = [point for point, _ in goal.get("blocks") or goal["values"]]
    # A mean over few rows would tell of one that is far from the others.
    within = np.clip(target, min(ends, default=0.0), max(ends, default=0.0))
    said: dict[str, Any] = {}
    for name in sorted(about):
        column = about[name]
        entry: dict[str, Any] = {"type": column.kind, "unit": column.unit}
        if name not in hidden and column.kind == "category":
            entry |= _levels(features[name], within, least)
        elif name not in hidden:
            entry |= _of(features[name], least)
        said[name] = entry
    return {"target": goal, "columns": said}


def _levels(values: pa.ChunkedArray, target: Array, least: int) -> dict[str, Any]:
    """Return [value, share of rows, mean target] of the values that enough rows have."""
    coded = values.cast(pa.string()).combine_chunks().dictionary_encode()
    codes, names = coded.indices.fill_null(-1).to_numpy(), coded.dictionary.to_pylist()
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    sums = np.bincount(codes[codes >= 0], target[codes >= 0], minlength=len(names))
    places = sorted(range(len(names)), key=lambda place: (-counts[place], names[place]))
    kept = [place for place in places if counts[place] >= least][: columns.MOST_LEVELS]
    return {
        "values": [
            [names[p], round(counts[p] / len(codes), 4), float(f"{sums[p] / counts[p]:.4g}")]
            for p in kept
        ]
    }


def _of(values: pa.ChunkedArray, least: int) -> dict[str, Any]:
    numbers = np.asarray(values.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy())
    return _numbers(numbers, least)


def _numbers(numbers: Array, least: int) -> dict[str, Any]:
    ordered = np.sort(numbers[np.isfinite(numbers)])
    distinct, counts = np.unique(ordered, return_counts=True)
    if len(distinct) <= columns.FEW:
        kept = counts >= least
        shares = np.round(counts[kept] / max(int(counts[kept].sum()), 1), 4)
        return {"values": np.column_stack([distinct[kept], shares]).tolist()}
    means = blocks(ordered, least)
    return {"blocks": means} if means else {}


def blocks(ordered: Array, least: int) -> list[list[float]]:
    """Return [mean, share of rows] of blocks of sorted values, each of at least so many rows.

    The `least` greatest and least values are in no block: the mean of a block with one far away
    would tell where that lies.

    >>> blocks(np.array([-999.0, 1, 2, 3, 4, 999]), 1)
    [[1.0, 0.25], [2.0, 0.25], [3.0, 0.25], [4.0, 0.25]]
    """
    inner = ordered[least : len(ordered) - least]
    sizes = _sizes(len(inner), least)
    parts = np.split(inner, np.cumsum(sizes)[:-1]) if sizes else []
    return [[float(f"{p.mean():.6g}"), round(len(p) / len(inner), 6)] for p in parts]


def _sizes(rows: int, least: int) -> list[int]:
    """Return the sizes of blocks: from `least` at both ends to equal ones in the middle."""
    usual = max(rows // BLOCKS, least)
    ends: list[int] = []
    size = float(least)
    while int(size) < usual and 2 * (sum(ends) + int(size)) < rows:
        ends.append(int(size))
        size *= GROWTH
    middle = rows - 2 * sum(ends)
    count = middle // usual
    if not count:
        return [rows] if not ends and rows >= least else []
    return [*ends, *(len(p) for p in np.array_split(np.empty(middle), count)), *reversed(ends)]
