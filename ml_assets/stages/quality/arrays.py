"""Columns of a table as numbers and codes.

Belongs here: types, missing values, blocks. Does not belong here: comparing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
NUMERIC = frozenset({"integer", "number"})
CATEGORICAL = frozenset({"category", "text", "boolean"})
MICROSECONDS = {"hour": 3_600_000_000, "day": 86_400_000_000, "week": 7 * 86_400_000_000}
MOST_ROW_BLOCKS = 200
MONDAY = 4 * 86_400_000_000
"""Microseconds from Thursday, 1970-01-01, to the first Monday: weeks begin on one."""


def numbers(column: pa.ChunkedArray) -> Floats:
    """Return a column as floats, shape (n,); NaN is missing, infinities stay."""
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)


def levels(column: pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Return the distinct texts of a column and each row's index into them (n,); -1 is missing."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    whole: Any = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks)
    codes = whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return whole.dictionary.cast(pa.string()), codes.astype(np.int64)


def block_numbers(table: pa.Table, time: str | None, block: str) -> Ints:
    """Return the block number of each row, shape (n,); -1 if its time is missing.

    Blocks of time are numbered by the clock in UTC. With `row` the rows are assigned at random to
    at most 200 blocks, with a fixed seed.
    """
    if block == "row" or time is None:
        rows = table.num_rows
        shuffled = np.random.default_rng(rows).permutation(rows)
        return np.asarray(shuffled % max(min(rows, MOST_ROW_BLOCKS), 1), dtype=np.int64)
    column = table.column(time).cast(pa.timestamp("us"))
    moments = np.asarray(column.cast(pa.int64()).fill_null(-(2**62)).to_numpy(), dtype=np.int64)
    shift = MONDAY if block == "week" else 0
    numbered = np.floor_divide(moments - shift, MICROSECONDS[block])
    # Times before 1970 are negative; -1 is reserved for missing.
    blocks: Ints = np.where(moments == -(2**62), -1, numbered + 2**40)
    return blocks


def numbered(blocks: Ints) -> tuple[int, Ints]:
    """Return the number of blocks, and each row's index among them (n,); -1 stays -1."""
    known = blocks >= 0
    distinct, place = np.unique(blocks[known], return_inverse=True)
    indices = np.full(len(blocks), -1, dtype=np.int64)
    indices[known] = place
    return len(distinct), indices


def by_block(blocks: Ints, count: int, codes: Ints, bins: int) -> Floats:
    """Return rows by block and bin, shape (count, bins); codes of -1 are left out."""
    known = (blocks >= 0) & (codes >= 0)
    flat = np.bincount(blocks[known] * bins + codes[known], minlength=count * bins)
    return flat.reshape(count, bins).astype(np.float64)


def span(blocks: Ints) -> dict[str, int]:
    """Return the number of blocks with rows, and of empty ones between the first and the last."""
    distinct = np.unique(blocks[blocks >= 0])
    if not len(distinct):
        return {"blocks": 0, "empty": 0}
    return {"blocks": len(distinct), "empty": int(distinct[-1] - distinct[0]) + 1 - len(distinct)}
