"""Parquet bytes into a table, by the calling thread alone.

Belongs here: the one way in which Parquet is read whole. Does not belong here: types, the contract.

`pyarrow.parquet.read_table` goes through Arrow's datasets, whose I/O thread may let go of Python's
bytes after it has returned: in a process that ends just then, that thread aborts it (exit 134,
"terminate called without an active exception").
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet


def read(content: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the table in a Parquet file, or some of its columns in that order.

    Raises KeyError for a column that it has not, ArrowException or OSError where it is damaged.
    """
    wanted = None if columns is None else list(columns)
    with pyarrow.parquet.ParquetFile(pa.BufferReader(content)) as file:
        table = file.read(columns=wanted, use_threads=False)
    # A file's own order, and `a.b` besides where `a` was asked for, come back otherwise.
    return table if wanted is None else table.select(wanted)
