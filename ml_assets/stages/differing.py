"""In which rows two columns of features differ.

Belongs here: comparing what was computed twice. Does not belong here: what is computed again, and
what a difference means (`check`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

ROUNDING = 1e-12
"""Relative difference that a different order of summation may cause."""


def differing(again: pa.ChunkedArray, wanted: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return in which of n rows two columns differ, (n,); missing equals missing."""
    if pa.types.is_dictionary(wanted.type):
        again, wanted = again.cast(pa.string()), wanted.cast(pa.string())
    one_missing = pc.xor(again.is_null(), wanted.is_null())
    if pa.types.is_floating(wanted.type):
        left, right = again.to_numpy(), wanted.to_numpy()
        apart = pa.array(np.abs(left - right) > ROUNDING * np.abs(right))
    else:
        apart = pc.not_equal(again, wanted).fill_null(False)
    mask: NDArray[np.bool_] = pc.or_(one_missing, apart).to_numpy(zero_copy_only=False)
    return mask


def compact(table: pa.Table) -> pa.Table:
    """Keep only the categories in use, as if these rows came alone."""
    for at, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            text = column.cast(column.type.value_type).dictionary_encode()
            table = table.set_column(at, table.column_names[at], text)
    return table
