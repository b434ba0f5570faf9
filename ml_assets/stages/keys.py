r"""Row keys: what they look like, and 128-bit hashes of millions of them without their texts.

Belongs here: keys that are the same row or share a fold, finding rows with the same key. Does not
belong here: which of them counts (`split`), whether they may be in two folds (`check`).

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
"""Prefix of the key of a row that lacks a part of its key; its line follows. No key of values
begins like this, since a backslash in a value is doubled."""
BY_INPUTS = "\\I"
"""Prefix of the key of a row of a dataset without key columns: the digest of its inputs follows,
then the number of the row among those of its batch with equal inputs (`identity`)."""
ALONE = "\\K"
"""Prefix of the group of a row that has a key but lacks a part of its group; the key follows."""
DIGEST = len(BY_INPUTS) + 32
"""Length of such a key without the number."""
SECRETS = ("ml_assets keys a", "ml_assets keys b")
BITS = 6
"""Keys are compared in 2^6 parts by these bits of their hash; one part is in memory at a time."""
HELD = 2**24
"""Bytes kept in memory; beyond that everything goes to a file."""
_RECORD = np.dtype([("high", np.uint64), ("low", np.uint64), ("number", np.int64)])


def named(keys: pa.ChunkedArray, batch: str) -> pa.ChunkedArray:
    r"""Return a batch's keys as they are known outside it: `\L<line>\<batch>` for rows without one.

    Those of rows known by their inputs stay: the same row may come in another batch (`numbered`).
    """
    return _with_batch(keys, pc.starts_with(keys, UNKEYED), batch)


def distinct(keys: pa.ChunkedArray, batch: str) -> pa.ChunkedArray:
    """Return a batch's keys, those of rows without key columns unlike any of another batch."""
    return _with_batch(named(keys, batch), pc.starts_with(keys, BY_INPUTS), batch)


def shared(keys: pa.ChunkedArray, batch: str) -> pa.ChunkedArray:
    """Return what rows (or groups) of a batch must have in common with others to share a fold.

    That is the key, but the digest alone for rows that are known by their inputs.
    """
    names = named(keys, batch)
    by_inputs = pc.starts_with(keys, BY_INPUTS)
    if not pc.any(by_inputs).as_py():
        return names
    return pc.if_else(by_inputs, pc.utf8_slice_codeunits(keys, 0, DIGEST), names)


def numbered(keys: pa.ChunkedArray, after: pa.ChunkedArray | None = None) -> pa.ChunkedArray:
    r"""Return the keys of rows of several batches, those known by inputs numbered over all of them.

    `after` are keys that come before: of rows with equal inputs the numbers go on. So n such rows
    are the same n keys whatever batches they lie in, and one more of them is a new row.
    """
    by_inputs = pc.starts_with(keys, BY_INPUTS)
    if not pc.any(by_inputs).as_py():
        return keys
    before = pa.chunked_array([], pa.string()) if after is None else after
    texts = pc.utf8_slice_codeunits(
        pa.chunked_array([*before.chunks, *keys.chunks], pa.string()), 0, DIGEST
    )
    codes = texts.combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    number = np.empty(len(codes), dtype=np.int64)
    number[order] = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    counted = pc.binary_join_element_wise(texts, pa.array(number).cast(pa.string()), "\\")
    return pc.if_else(by_inputs, counted.slice(len(before)), keys)


def _with_batch(keys: pa.ChunkedArray, own: pa.ChunkedArray, batch: str) -> pa.ChunkedArray:
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

    def add(self, keys: pa.ChunkedArray, numbers: Ints) -> None:
        """Add rows (n,) by `distinct` or `shared` keys; StageError if they cannot be written."""
        texts = np.asarray(keys.to_numpy(), dtype=object)
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
        records, start = [np.zeros(0, _RECORD)], 0
        for counts in self._counts:
            self._file.seek((start + counts[:number].sum()) * _RECORD.itemsize)
            records.append(
                np.frombuffer(self._file.read(counts[number] * _RECORD.itemsize), _RECORD)
            )
            start += counts.sum()
        return np.concatenate(records)
