r"""What a row of a table without a key is known by: a digest of the values of its inputs.

Belongs here: from values to digests, and the number of a row among equal ones. Does not belong
here: which columns are inputs (`spec.project`), what may share a fold (`split`).

The digest is BLAKE2b with 16 bytes over the row's values in the order of their columns' names. A
missing value adds nothing, so a column that is missing in old rows leaves them as they were. Every
other value adds 8 bytes of BLAKE2b of the column's name, a byte for its kind, and the value: a
whole number as 64-bit integer (1 and 1.0 are the same), any other number as float64, a time as
microseconds since 1970 in UTC (a date is its midnight), a boolean as 0 or 1, all in little-endian
order, and a text as 16 bytes of BLAKE2b of its UTF-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.keys import BY_INPUTS

Bytes = NDArray[np.uint8]
BUFFER = 2**24
"""Bytes of encoded values in memory at a time."""
DAY = 86_400_000_000
_WHOLE = 2.0**63


@dataclass(frozen=True)
class Encoded:
    """The encoded values of a column: one row of bytes for each, or for each distinct one."""

    content: Bytes
    present: NDArray[np.bool_]
    """(n,) which rows have a value."""
    place: NDArray[np.int64] | None = None
    """(n,) a row's row of `content`; None if it is its own."""

    @property
    def width(self) -> int:
        """Bytes of one value."""
        return int(self.content.shape[1])

    def rows(self, start: int, stop: int) -> Bytes:
        """Return the bytes of some rows; those of a missing value have no meaning."""
        if self.place is None:
            return self.content[start:stop]
        return self.content[self.place[start:stop]]


def identities(table: pa.Table, columns: Sequence[str]) -> pa.Array:
    r"""Return `\I<digest>\<n>` for each row: the n-th row of the table with these values."""
    hashes = digests(table, columns)
    prefixed = pc.binary_join_element_wise(BY_INPUTS, _hexadecimal(hashes), "")
    number = pa.array(occurrence(hashes.view(np.uint64).reshape(-1, 2)) + 1)
    return pc.binary_join_element_wise(prefixed, number.cast(pa.string()), "\\")


def digests(table: pa.Table, columns: Sequence[str]) -> Bytes:
    """Return the digest of each row's values in these columns, (n, 16)."""
    encoded = [_encoded(name, table[name]) for name in sorted(columns)]
    widths = [column.width for column in encoded]
    step = max(1, BUFFER // max(1, sum(widths)))
    buffer = bytearray()
    for start in range(0, len(table), step):
        stop = min(start + step, len(table))
        size = stop - start
        content = np.hstack([c.rows(start, stop) for c in encoded] or [np.zeros((size, 0), "u1")])
        present = [c.present[start:stop] for c in encoded]
        there = np.repeat(np.column_stack(present or [np.zeros((size, 0), bool)]), widths, axis=1)
        flat = memoryview(content[there].tobytes())
        ends = np.cumsum(there.sum(axis=1)).tolist()
        for first, last in zip([0, *ends], ends, strict=False):
            buffer += blake2b(flat[first:last], digest_size=16).digest()
    return np.frombuffer(bytes(buffer), np.uint8).reshape(-1, 16)


def occurrence(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each row (n, 2) how many equal ones come before it."""
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    ordered = rows[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    sizes = np.diff(np.append(starts, len(rows)))
    numbers = np.empty(len(rows), dtype=np.int64)
    numbers[order] = np.arange(len(rows)) - np.repeat(starts, sizes)
    return numbers


def _hexadecimal(hashes: Bytes) -> pa.Array:
    text = hashes.tobytes().hex().encode()
    offsets = np.arange(len(hashes) + 1, dtype=np.int64) * 32
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.large_string(), len(hashes), buffers).cast(pa.string())


def _encoded(name: str, column: pa.ChunkedArray) -> Encoded:
    present = np.asarray(column.is_valid().to_numpy(), dtype=bool)
    head = np.frombuffer(blake2b(name.encode(), digest_size=8).digest(), np.uint8)
    kind = column.type
    if pa.types.is_floating(kind):
        return _numbers(head, column, present)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        sign = b"b" if pa.types.is_boolean(kind) else b"n"
        values = column.cast(pa.int64())
    elif pa.types.is_date32(kind):
        sign, values = b"t", pc.multiply(column.cast(pa.int32()).cast(pa.int64()), DAY)
    elif pa.types.is_timestamp(kind):
        sign, values = b"t", column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    else:
        return _texts(head, column, present)
    words = np.asarray(values.fill_null(0).to_numpy(), dtype="<i8")
    return Encoded(_joined(head, np.full(len(words), ord(sign), np.uint8), words), present)


def _numbers(head: Bytes, column: pa.ChunkedArray, present: NDArray[np.bool_]) -> Encoded:
    values = np.asarray(column.cast(pa.float64()).fill_null(np.nan).to_numpy(), dtype="<f8")
    whole = (np.floor(values) == values) & (np.abs(values) < _WHOLE)
    words = np.where(whole, values, 0.0).astype("<i8")
    words[~whole] = values.view("<i8")[~whole]
    sign = np.where(whole, ord(b"n"), ord(b"f")).astype(np.uint8)
    return Encoded(_joined(head, sign, words), present & ~np.isnan(values))


def _texts(head: Bytes, column: pa.ChunkedArray, present: NDArray[np.bool_]) -> Encoded:
    """Encode each distinct text once."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    hashed = [blake2b(t.encode(), digest_size=16).digest() for t in encoded.dictionary.to_pylist()]
    values = np.frombuffer(b"".join(hashed) or bytes(16), np.uint8).reshape(-1, 16)
    place = np.asarray(encoded.indices.fill_null(0).to_numpy(), dtype=np.int64)
    return Encoded(_joined(head, np.full(len(values), ord(b"s"), np.uint8), values), present, place)


def _joined(head: Bytes, sign: Bytes, values: NDArray[np.generic]) -> Bytes:
    """Return head, sign and value of each row, side by side."""
    words = np.ascontiguousarray(values).view(np.uint8)
    content = words.reshape(len(values), words.size // max(1, len(values)))
    return np.hstack([np.broadcast_to(head, (len(values), 8)), sign[:, None], content])
