"""Statistics of several columns: what is missing together, what rises together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

SAMPLE = 20_000
"""Rows, evenly spread, whose ranks are correlated."""
MOST_PATTERNS = 20
ENOUGH = 10
"""Times the least number of rows: so many have both values of a correlation."""


def patterns(missing: Mapping[str, Any], least: int) -> list[list[Any]]:
    """Return [[names that are missing], share of all rows], the most frequent first."""
    names = list(missing)
    if not names or not len(missing[names[0]]):
        return []
    bits = np.packbits(np.column_stack([missing[name] for name in names]), axis=1)
    kinds, counts = np.unique(bits, axis=0, return_counts=True)
    order = [int(place) for place in np.argsort(-counts, kind="stable") if counts[place] >= least]
    total = sum(int(counts[place]) for place in order)
    found = []
    for place in order[:MOST_PATTERNS]:
        gone = np.unpackbits(kinds[place])[: len(names)].astype(bool)
        shown = [name for name, is_gone in zip(names, gone, strict=True) if is_gone]
        found.append([shown, round(int(counts[place]) / total, 4)])
    return found


def correlations(
    names: Sequence[str], read: Callable[[Sequence[str]], pa.Table], least: int
) -> dict[str, Any]:
    """Return "columns" and their "matrix" of Spearman's rank correlations, to two digits."""
    sample: dict[str, Any] = {}
    for name in names:
        values = read([name]).column(0)
        places = np.unique(np.linspace(0, len(values) - 1, SAMPLE).astype(np.int64))
        sample[name] = _numbers(values.take(pa.array(places))).to_pandas()
    ranks = pd.DataFrame(sample).astype("float64").rank()
    found = ranks.corr(min_periods=ENOUGH * least).fillna(0.0).to_numpy(copy=True)
    np.fill_diagonal(found, 1.0)
    return {"columns": list(names), "matrix": np.round(found, 2).tolist()}


def _numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = values.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return values.cast(pa.timestamp("us")).cast(pa.int64())
    return values.cast(pa.int8()) if pa.types.is_boolean(kind) else values
