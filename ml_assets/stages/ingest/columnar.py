"""A Parquet file to records; the line of a record is its 1-based number.

Belongs here: opening Parquet. Does not belong here: types, the contract.
"""

from __future__ import annotations

import pyarrow as pa

from ml_assets.stages import parquet
from ml_assets.stages.ingest.arrow import plain
from ml_assets.stages.ingest.source import Source, Unreadable


def read(content: bytes) -> Source:
    """Read a Parquet file; Unreadable if it is damaged, truncated or not readable."""
    try:
        table = parquet.read(content)
        table.validate()
        columns = [plain(column) for column in table.columns]
        for column in columns:
            column.validate(full=True)
    except pa.ArrowNotImplementedError as error:
        raise Unreadable("parquet", f"the Parquet file cannot be read: {_first(error)}") from None
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(
            "parquet",
            f"the Parquet file is damaged or truncated ({_first(error)}); deliver it again",
        ) from None
    return Source(
        names=table.column_names,
        columns=columns,
        lines=pa.array(range(1, table.num_rows + 1), pa.int64()),
        broken=(),
        text=None,
        own=True,
    )


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
