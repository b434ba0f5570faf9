"""Arrow tables to the pandas frames that are passed to a user's function.

Belongs here: the one conversion by Arrow type. Does not belong here: contracts (`schema`), the
way back.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as a frame with index 0, 1, …; internal columns (`_…`) are left out.

    integer int64 (Int64 if values are missing), number float64 (NaN is missing), boolean bool
    (boolean if values are missing), text string[pyarrow], category unordered, timestamp
    datetime64[us, UTC], date datetime64[s]. The frame owns its memory: changing it changes
    nothing else.
    """
    names = [name for name in table.column_names if not name.startswith("_")]
    columns = {name: _series(table[name]) for name in names}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)), columns=pd.Index(names))


def _series(column: pa.ChunkedArray) -> pd.Series:
    kind = column.type
    if pa.types.is_dictionary(kind):
        whole = column.unify_dictionaries().combine_chunks()
        return pd.Series(whole.to_pandas())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pd.Series(pd.array(column, dtype="string[pyarrow]"))
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return _masked(column)
    if pa.types.is_date32(kind):
        return pd.Series(column.cast(pa.timestamp("s")).to_numpy())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pd.Series(column.cast(pa.timestamp("us")).to_numpy()).dt.tz_localize("UTC")
    return pd.Series(np.array(column.to_numpy()))


def _masked(column: pa.ChunkedArray) -> pd.Series:
    missing = column.is_null().to_numpy()
    if pa.types.is_boolean(column.type):
        return pd.Series(pd.arrays.BooleanArray(column.fill_null(False).to_numpy(), missing))
    values = column.cast(pa.int64()).fill_null(0).to_numpy()
    return pd.Series(pd.arrays.IntegerArray(np.array(values), missing))
