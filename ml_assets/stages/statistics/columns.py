"""Statistics of one column's values.

Belongs here: levels and blocks. Does not belong here: times, several columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FEW = 50
"""Numbers of so many different values are said value by value."""
MOST_LEVELS = 200
BLOCKS = 50
_DECIMALS = 6


def is_ordered(entry: Mapping[str, Any]) -> bool:
    """Return whether a column's statistics have an order, so that ranks say something."""
    numbers = entry["type"] in ("integer", "number") and ("blocks" in entry or "values" in entry)
    return numbers or (entry["type"] == "boolean" and "values" in entry) or "lag" in entry


def of_numbers(values: pa.ChunkedArray, least: int, *, whole: bool) -> dict[str, Any]:
    """Return "values" [[value, share]], or "blocks" and "decimals"; nothing of too few rows."""
    numbers = values.drop_null().to_numpy()
    numbers = numbers if whole else numbers[np.isfinite(numbers)]
    distinct, counts = np.unique(numbers, return_counts=True)
    if len(distinct) <= FEW:
        kept = counts >= least
        shown = [v.item() for v in distinct[kept]]
        return _levels(shown, counts[kept].tolist(), int(counts.sum()))
    said: dict[str, Any] = {"blocks": blocks(np.sort(numbers).astype(np.float64), least)}
    if not whole:
        said["decimals"] = decimals(numbers)
    return said if said["blocks"] else {}


def of_levels(values: pa.ChunkedArray, least: int) -> dict[str, Any]:
    """Return "values" [[value, share]], the most frequent first, and how many there are."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(pa.string())
    counted = [
        (item["counts"], item["values"]) for item in pc.value_counts(values.drop_null()).to_pylist()
    ]
    total = sum(count for count, _ in counted)
    kept = sorted((item for item in counted if item[0] >= least), key=lambda i: (-i[0], str(i[1])))
    kept = kept[:MOST_LEVELS]
    said = _levels([value for _, value in kept], [count for count, _ in kept], total)
    others = len(counted) - len(kept)
    return {**said, "others": others} if others >= least else said


def blocks(ordered: npt.NDArray[np.float64], least: int) -> list[float]:
    """Return the means of equal blocks of sorted values, each of at least so many rows.

    Blocks do not overlap, so that no difference of two of them is one row's value.
    """
    count = min(BLOCKS, len(ordered) // least)
    if count < 1:
        return []
    return [float(f"{part.mean():.6g}") for part in np.array_split(ordered, count)]


def decimals(numbers: npt.NDArray[np.float64]) -> int:
    """Return how many decimals the numbers have, at most six."""
    for digits in range(_DECIMALS):
        if np.array_equal(np.round(numbers, digits), numbers):
            return digits
    return _DECIMALS


def _levels(values: list[Any], counts: list[int], total: int) -> dict[str, Any]:
    shares = [[v, round(c / total, 4)] for v, c in zip(values, counts, strict=True)]
    return {"values": shares} if shares else {}
