r"""Row keys as 128-bit numbers, so that millions of them are compared without holding their texts.

Belongs here: hashing keys, finding rows with the same key. Does not belong here: which of them
counts (`split`), whether they may be in two folds (`check`).

The hash is SipHash-2-4 under two secrets, as in `split.hash`: that two of n different keys
share both numbers has a chance of n^2 / 2^129, 1e-23 for a hundred million rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
SECRETS = ("ml_assets keys a", "ml_assets keys b")
BUCKET = 100_000
"""Rows that are sorted at once, about."""


@dataclass(frozen=True)
class Hashes:
    """The hashes of n keys: 16 bytes a row."""

    high: Words
    low: Words

    def __len__(self) -> int:
        return len(self.high)


def hashed(keys: pa.ChunkedArray, batch: str) -> Hashes:
    r"""Return the hashes of the keys of one batch.

    Keys of a dataset without key columns (`\L<line>`) name a row in its batch only.
    """
    if len(keys) and pc.starts_with(keys[0], "\\L").as_py():
        keys = pc.binary_join_element_wise(pa.scalar(batch), keys, "\\")
    texts = np.asarray(keys.to_numpy(), dtype=object)
    high, low = (pd.util.hash_array(texts, hash_key=secret, categorize=False) for secret in SECRETS)
    return Hashes(np.asarray(high, np.uint64), np.asarray(low, np.uint64))


def joined(parts: list[Hashes]) -> Hashes:
    """Return the hashes of all parts, in their order; empties the list, to free them early."""
    none = np.zeros(0, np.uint64)
    highs, lows = [p.high for p in parts] or [none], [p.low for p in parts] or [none]
    parts.clear()
    high = np.concatenate(highs)
    highs.clear()
    return Hashes(high, np.concatenate(lows))


def same(hashes: Hashes, bucket: int = BUCKET) -> Iterator[tuple[Ints, Ints]]:
    """Yield (rows, starts): row numbers in groups of one key, and where each group starts.

    Within a group rows ascend. Each row is in one pair; a pair holds about `bucket` rows.
    """
    bits = max(len(hashes) // bucket, 1).bit_length() - 1
    if not bits:
        yield _grouped(hashes, np.arange(len(hashes), dtype=np.int64))
        return
    place = (hashes.high >> np.uint64(64 - bits)).astype(np.uint16)
    for number in range(2**bits):
        yield _grouped(hashes, np.flatnonzero(place == number))


def _grouped(hashes: Hashes, rows: Ints) -> tuple[Ints, Ints]:
    high, low = hashes.high[rows], hashes.low[rows]
    # Stable: rows of one key keep their order.
    order = np.lexsort((low, high))
    high, low = high[order], low[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return rows[order], np.flatnonzero(new)
