"""Parquet bytes to a table, on the calling thread only.

Belongs here: the one way to read Parquet whole. Does not belong here: types, the contract.

`pyarrow.parquet.read_table` uses Arrow's datasets, whose I/O thread may release Python's bytes
after it has returned: if the process ends just then, that thread aborts it (exit 134,
"terminate called without an active exception").
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet


def read(content: bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the table in a Parquet file, or some of its columns in that order.

    Raises KeyError for a column that it lacks, ArrowException or OSError if it is damaged.
    """
    wanted = None if columns is None else list(columns)
    with pyarrow.parquet.ParquetFile(pa.BufferReader(content)) as file:
        table = file.read(columns=wanted, use_threads=False)
    # Otherwise columns come in the file's order, and with `a.b` if `a` was requested.
    return table if wanted is None else table.select(wanted)
