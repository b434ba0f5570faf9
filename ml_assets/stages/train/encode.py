"""Features to compact Arrow: categories become integer codes, unusable values are missing.

Belongs here: the one encoding that training and prediction share. Does not belong here:
imputation, scaling, one-hot (each family's own).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Array = NDArray[np.float64]
_INT16 = np.iinfo(np.int16).max


def used(column: pa.ChunkedArray) -> set[str]:
    """Return the values of a category column that occur in a row."""
    distinct = pc.unique(column)
    if pa.types.is_dictionary(distinct.type):
        distinct = distinct.dictionary.take(distinct.indices)
    return {value for value in distinct.to_pylist() if value is not None}


def encode(
    table: pa.Table, columns: Mapping[str, str], known: Mapping[str, Sequence[str]]
) -> pa.Table:
    """Return the feature columns as numbers that any learner takes.

    Category: int16 (int32 above 32,767 values) codes into `known`; an unknown value is missing.
    Boolean: int8. Integer: int64. Number: float64, NaN and infinities missing.
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
            number = column.cast(pa.float64(), safe=False)
            arrays.append(pc.if_else(pc.is_finite(number), number, pa.scalar(None, pa.float64())))
    return pa.table(arrays, names=list(columns))


def values(table: pa.Table, name: str) -> Array:
    """Return an encoded column as float64 (n,), NaN for missing; large integers are rounded."""
    column = table[name].cast(pa.float64(), safe=False)
    return np.asarray(column.fill_null(np.nan).to_numpy(), dtype=np.float64)


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
