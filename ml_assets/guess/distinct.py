"""How many distinct values a column has, exactly while they are few or all different.

Belongs here: hashes of values. Does not belong here: what the values mean.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

EXACT = 1_000_000
"""Distinct values up to which all are kept."""
MOST = 40_000_000
"""Values up to which a column without a repetition is followed (8 bytes each)."""
SKETCH = 16_384
"""Smallest hashes that are kept beyond: an estimate within about 1 %."""
_FULL = 2.0**64

Hashes = npt.NDArray[np.uint64]


class Distinct:
    """A growing set of hashes; beyond EXACT only its smallest, unless no value occurs twice."""

    def __init__(self) -> None:
        self._rows = 0
        self._kept: list[Hashes] = []
        self._pending = 0
        self._bound: np.uint64 | None = None
        self.repeated = False
        """A value is known to occur twice."""

    @property
    def exact(self) -> bool:
        """Whether the count is not an estimate."""
        return self._bound is None

    def add_texts(self, values: pa.Array, counts: npt.NDArray[np.int64]) -> None:
        """Add the distinct texts of a piece, with the rows of each."""
        self._add(
            pd.util.hash_array(values.to_numpy(zero_copy_only=False), categorize=False), counts
        )

    def add_numbers(self, values: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> None:
        """Add the distinct numbers of a piece, with the rows of each."""
        self._add(pd.util.hash_array(values + 0.0), counts)

    def count(self) -> int:
        """Return the number of distinct values."""
        self._merge()
        size = len(self._kept[0]) if self._kept else 0
        if self._bound is None or size < 2:
            return size
        return round((size - 1) / (float(self._bound) / _FULL))

    def _add(self, hashes: Hashes, counts: npt.NDArray[np.int64]) -> None:
        self._rows += int(counts.sum())
        self.repeated = self.repeated or bool((counts > 1).any())
        if self._bound is not None:
            hashes = hashes[hashes <= self._bound]
        self._kept.append(hashes)
        self._pending += len(hashes)
        if self._pending > EXACT:
            self._merge()

    def _merge(self) -> None:
        if len(self._kept) > 1 or self._pending:
            every = np.sort(np.concatenate(self._kept))
            fresh = np.ones(len(every), dtype=np.bool_)
            fresh[1:] = every[1:] != every[:-1]
            self.repeated = self.repeated or not fresh.all()
            self._kept = [every[fresh]]
        self._pending = 0
        size = len(self._kept[0]) if self._kept else 0
        if size > (EXACT if self.repeated else MOST) or (self._bound is not None and size > SKETCH):
            self._kept = [self._kept[0][:SKETCH].copy()]
            self._bound = self._kept[0][-1]
