"""Tables as the bytes of landed Parquet files.

Belongs here: writing them, the same bytes for the same rows. Does not belong here: reading them
(`stages/parquet`).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

GROUP = 1 << 20
"""Rows of a row group: the bytes of a part do not depend on the pieces in which it was read."""


def written(table: pa.Table) -> bytes:
    """Return a table as Parquet, the same bytes for the same rows.

    What a writer noted beside the rows is left out: pandas notes how many rows there were.
    """
    plain = [_plain(column) for column in table.columns]
    schema = pa.schema(
        [
            pa.field(name, column.type)
            for name, column in zip(table.column_names, plain, strict=True)
        ]
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(plain, schema=schema).combine_chunks(), sink, row_group_size=GROUP)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
