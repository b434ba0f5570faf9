"""From a column's values to the bins of a reference.

Belongs here: bins of numbers, levels of texts. Does not belong here: comparing, resampling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.quality.arrays import NUMERIC, Floats, Ints, levels, numbers

BINS = 32
MAIN_LEVELS = 50
"""Levels that are compared individually; the rarer ones share one bin."""
MOST_LEVELS = 20_000
FEW = 30
"""Fewest values on which a distribution is judged."""


@dataclass(frozen=True)
class Coded:
    """A column in a reference's bins."""

    codes: Ints
    """Bin of each row, shape (n,); -1 is missing, for texts -2 is an unknown level."""
    missing: Ints
    """1 if the value is missing, shape (n,)."""
    unseen: dict[str, int]
    """Levels that are not in the reference, with their rows; the most frequent first."""


def edges_of(values: Floats) -> list[float]:
    """Return the upper edges of about equally filled bins of the values (n,); ties share a bin.

    Values below the smallest or above the largest have separate bins.
    """
    finite = np.sort(values[np.isfinite(values)])
    if not len(finite):
        return []
    places = np.linspace(0, len(finite) - 1, BINS + 1).astype(np.int64)
    below = np.nextafter(finite[0], -np.inf)
    edges = np.unique(np.append(finite[places], below))
    return [float(edge) for edge in edges[np.isfinite(edges)]]


def levels_of(column: pa.ChunkedArray) -> tuple[list[str], Ints, Ints]:
    """Return the levels of a column, most frequent first, their rows, and each row's level (n,)."""
    distinct, codes = levels(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct))
    texts = distinct.to_pylist()
    order = sorted(range(len(texts)), key=lambda place: (-counts[place], texts[place]))
    order = [place for place in order if counts[place]]
    rank = np.full(len(texts) + 1, -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    # The last position is that of -1.
    return [texts[place] for place in order], counts[order], rank[codes]


def bins_of(known: Mapping[str, Any]) -> int:
    """Return the number of bins of a reference's column."""
    if known["kind"] == "numeric":
        return len(known["edges"]) + 1
    return min(len(known["levels"]), MAIN_LEVELS + 1)


def coded(column: pa.ChunkedArray, known: Mapping[str, Any]) -> Coded:
    """Return a column in the bins of its profile in the reference."""
    if known["kind"] == "numeric":
        values = numbers(column)
        missing = np.isnan(values)
        codes = np.searchsorted(np.array(known["edges"]), values, side="left")
        codes[missing] = -1
        return Coded(codes, missing.astype(np.int64), {})
    distinct, places = levels(column)
    rank = pc.index_in(distinct, pa.array(known["levels"], pa.string())).fill_null(-2)
    ranks = np.append(np.asarray(rank.to_numpy(), dtype=np.int64), -1)
    codes = np.minimum(ranks[places], MAIN_LEVELS)
    fresh = np.flatnonzero(ranks[:-1] == -2)
    counts = np.bincount(places[places >= 0], minlength=len(distinct))
    rows = {distinct[int(place)].as_py(): int(counts[place]) for place in fresh if counts[place]}
    ordered = dict(sorted(rows.items(), key=lambda item: (-item[1], item[0])))
    return Coded(codes, (places < 0).astype(np.int64), ordered)


def kind_of(type_: str) -> str:
    """Return how a column of a logical type is compared."""
    return "numeric" if type_ in NUMERIC else "categorical"
