"""A Parquet file into records; the line of a record is its 1-based number.

Belongs here: opening Parquet. Does not belong here: types, the contract.
"""

from __future__ import annotations

import pyarrow as pa

from ml_assets.stages import parquet
from ml_assets.stages.ingest.source import Source, Unreadable


def read(content: bytes) -> Source:
    """Read a Parquet file; Unreadable where it is damaged or cut off."""
    try:
        table = parquet.read(content)
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(
            "parquet", f"the Parquet file is damaged or cut off ({first}); deliver it again"
        ) from None
    return Source(
        names=table.column_names,
        columns=[_one_chunk(column) for column in table.columns],
        lines=pa.array(range(1, table.num_rows + 1), pa.int64()),
        broken=(),
        text=None,
    )


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.combine_chunks()
