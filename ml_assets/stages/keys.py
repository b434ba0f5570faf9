r"""Row keys as 128-bit hashes, so that millions are compared without keeping their texts.

Belongs here: hashing keys, finding rows with the same key. Does not belong here: which of them
counts (`split`), whether they may be in two folds (`check`).

The hash is SipHash-2-4 under two secrets, as in `split.hash`: the chance that two of n
different keys share both halves is n^2 / 2^129, 1e-23 for a hundred million rows.
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
"""Prefix of the key of a row without key columns, or that lacks a part of its key; its line
follows. No other key begins like this, since a backslash in a value is doubled."""
SECRETS = ("ml_assets keys a", "ml_assets keys b")
BITS = 6
"""Keys are compared in 2^6 parts by these bits of their hash; one part is in memory at a time."""
HELD = 2**24
"""Bytes kept in memory; beyond that everything goes to a file."""
_RECORD = np.dtype([("high", np.uint64), ("low", np.uint64), ("number", np.int64)])


def named(keys: pa.ChunkedArray, batch: str) -> pa.ChunkedArray:
    r"""Return a batch's keys, unique among all batches: `\L<line>\<batch>` for rows without one."""
    own = pc.starts_with(keys, UNKEYED)
    if not pc.any(own).as_py():
        return keys
    return pc.if_else(own, pc.binary_join_element_wise(keys, pa.scalar(batch), "\\"), keys)


class Keys:
    """The keys of many rows, each with a number, as 24 bytes per row in a temporary file.

    A context manager: the file is deleted on exit.
    """

    def __init__(self, held: int = HELD) -> None:
        self._file = SpooledTemporaryFile[bytes](held)
        self._counts: list[Ints] = []
        """The number of rows of each part, by addition."""

    def __enter__(self) -> Keys:
        return self

    def __exit__(self, *_: Any) -> None:
        # After a full disk the rest need not be written.
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
                f"cannot write temporary files in {gettempdir()}: {error.strerror}; free space "
                "there, or set TMPDIR to another folder, and rerun"
            ) from error
        self._counts.append(np.bincount(place, minlength=2**BITS))

    def repeated(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield (numbers, sizes) of rows that share a key: row numbers key by key, rows per key.

        Within a key the numbers are in the order of addition.
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
