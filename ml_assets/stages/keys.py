r"""Row keys as 128-bit numbers, so that millions of them are compared without holding them.

Belongs here: hashing keys, finding rows with the same key. Does not belong here: which of them
counts (`split`), whether they may be in two folds (`check`).

The hash is SipHash-2-4 under two secrets, as in `split.hash`: that two of n different keys
share both numbers has a chance of n^2 / 2^129, 1e-23 for a hundred million rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile, gettempdir
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.faults import StageError

Ints = NDArray[np.int64]
UNKEYED = "\\L"
"""How the key of a row without key columns begins, and of one that misses a part of its key: its
line follows. No other key begins so, a backslash in a value is doubled."""
SECRETS = ("ml_assets keys a", "ml_assets keys b")
BITS = 6
"""Keys are compared in 2^6 parts by these bits of their hash; one part is in memory at a time."""
HELD = 2**24
"""Bytes that are kept in memory; of more all are in a file."""
_RECORD = np.dtype([("high", np.uint64), ("low", np.uint64), ("number", np.int64)])


def named(keys: pa.ChunkedArray, batch: str) -> pa.ChunkedArray:
    r"""Return keys of a batch's rows as they name a row among all batches: `\L<line>\<batch>`."""
    own = pc.starts_with(keys, UNKEYED)
    if not pc.any(own).as_py():
        return keys
    return pc.if_else(own, pc.binary_join_element_wise(keys, pa.scalar(batch), "\\"), keys)


class Keys:
    """The keys of many rows, each with a number, as 24 bytes a row in a temporary file.

    A context manager: the file is gone at its end.
    """

    def __init__(self, held: int = HELD) -> None:
        self._file = SpooledTemporaryFile[bytes](held)
        self._counts: list[Ints] = []
        """How many rows each addition has of each part."""

    def __enter__(self) -> Keys:
        return self

    def __exit__(self, *_: Any) -> None:
        # What a full disk did not take need not be written any more.
        with suppress(OSError):
            self._file.close()

    def add(self, keys: pa.ChunkedArray, batch: str, numbers: Ints) -> None:
        """Add rows (n,) of one batch; StageError where the file cannot be written."""
        texts = np.asarray(named(keys, batch).to_numpy(), dtype=object)
        records = np.empty(len(texts), _RECORD)
        for name, secret in zip(("high", "low"), SECRETS, strict=True):
            records[name] = pd.util.hash_array(texts, hash_key=secret, categorize=False)
        records["number"] = numbers
        place = (records["high"] >> np.uint64(64 - BITS)).astype(np.uint8)
        try:
            self._file.write(records[np.argsort(place, kind="stable")].tobytes())
            self._file.flush()
        except OSError as error:
            raise StageError(
                f"temporary files cannot be written in {gettempdir()}: {error.strerror}; free some "
                "there, or name another folder in TMPDIR, then say it again"
            ) from error
        self._counts.append(np.bincount(place, minlength=2**BITS))

    def repeated(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield (numbers, sizes): those of rows whose key is in several, key by key, and how many.

        Within a key numbers are in the order in which they were added.
        """
        for part in range(2**BITS):
            records = self._part(part)
            # Stable: rows of one key keep their order.
            order = np.lexsort((records["low"], records["high"]))
            high, low = records["high"][order], records["low"][order]
            new = np.ones(len(order), dtype=bool)
            new[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
            sizes = np.diff(np.append(np.flatnonzero(new), len(order)))
            several = sizes > 1
            yield records["number"][order[np.repeat(several, sizes)]], sizes[several]

    def _part(self, number: int) -> NDArray[Any]:
        found, start = [np.zeros(0, _RECORD)], 0
        for counts in self._counts:
            self._file.seek((start + counts[:number].sum()) * _RECORD.itemsize)
            found.append(np.frombuffer(self._file.read(counts[number] * _RECORD.itemsize), _RECORD))
            start += counts.sum()
        return np.concatenate(found)
