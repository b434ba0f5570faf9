"""Features to compact Arrow: categories become integer codes, what cannot be used is missing.

Belongs here: the one encoding that training and prediction share. Does not belong here:
imputation, scaling, one-hot (each family's own business).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Array = NDArray[np.float64]
_INT16 = np.iinfo(np.int16).max
_WHOLE = (pa.int8(), pa.int16(), pa.int32())
_GLANCE = 256
"""Rows that tell of most columns that they need all 64 bits."""


def used(column: pa.ChunkedArray) -> set[str]:
    """Return the values of a category column that stand in a row."""
    found = pc.unique(column)
    if pa.types.is_dictionary(found.type):
        found = found.dictionary.take(found.indices)
    return {value for value in found.to_pylist() if value is not None}


def narrow(table: pa.Table) -> pa.Table:
    """Return encoded columns in the smallest type that holds these values exactly."""
    return pa.table([_narrow(column) for column in table.columns], names=table.column_names)


def united(parts: Sequence[pa.Table]) -> pa.Table:
    """Return tables of the same columns as one, each column in the widest of its types."""
    first = parts[0].schema
    widest = pa.schema(
        [
            (name, max((part.schema.field(name).type for part in parts), key=_width))
            for name in first.names
        ]
    )
    return pa.concat_tables([part.cast(widest) for part in parts])


def encode(
    table: pa.Table, columns: Mapping[str, str], known: Mapping[str, Sequence[str]]
) -> pa.Table:
    """Return the feature columns as numbers that any learner takes.

    Category: int16 (int32 above 32,767 values) codes into `known`; a value that is not there
    is missing. Boolean: int8. Integer: int64. Number: float64, NaN and infinities missing.
    """
    arrays = []
    for name, kind in columns.items():
        column = table[name]
        if kind == "category":
            arrays.append(_codes(column, known[name]))
        elif kind == "boolean":
            arrays.append(column.cast(pa.int8()))
        elif kind == "integer":
            arrays.append(column.cast(pa.int64()))
        else:
            number = column.cast(pa.float64())
            arrays.append(pc.if_else(pc.is_finite(number), number, pa.scalar(None, pa.float64())))
    return pa.table(arrays, names=list(columns))


def values(table: pa.Table, name: str) -> Array:
    """Return an encoded column as float64 (n,), NaN where missing."""
    column = table[name].cast(pa.float64())
    return np.asarray(column.fill_null(np.nan).to_numpy(), dtype=np.float64)


def _width(kind: pa.DataType) -> int:
    return int(kind.bit_width)


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_float64(column.type):
        exact = _exact(column.slice(0, _GLANCE)) and _exact(column)
        return column.cast(pa.float32()) if exact else column
    low, high = pc.min_max(column).as_py().values()
    for kind in _WHOLE:
        limits = np.iinfo(kind.to_pandas_dtype())
        if low is None or (low >= limits.min and high <= limits.max):
            return column.cast(kind)
    return column


def _exact(column: pa.ChunkedArray) -> bool:
    """Tell whether 32 bits hold each of the numbers."""
    same = pc.all(pc.equal(column.cast(pa.float32()).cast(pa.float64()), column)).as_py()
    return same is not False


def _codes(column: pa.ChunkedArray, known: Sequence[str]) -> pa.ChunkedArray:
    wanted = pa.array(known, pa.string())
    kind = pa.int16() if len(known) <= _INT16 else pa.int32()
    chunks = []
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            place = pc.index_in(chunk.dictionary.cast(pa.string()), value_set=wanted)
            codes = place.take(chunk.indices)
        else:
            codes = pc.index_in(chunk.cast(pa.string()), value_set=wanted)
        chunks.append(codes.cast(kind))
    return pa.chunked_array(chunks, type=kind)
