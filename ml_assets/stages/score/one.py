"""The features of one row, with a third of the time of a batch of one.

What comes out is what `hook.call` gives; where that is not sure, None comes out. Belongs here: a
frame of one row, and values of one row. Does not belong here: what a function must return (`hook`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_assets.stages.frames import to_frame
from ml_assets.stages.hook import ARROW, MOST, Hook
from ml_assets.stages.schema import LARGEST
from ml_assets.stages.score.scalars import Unsure

if TYPE_CHECKING:
    from ml_assets.spec.model import FeaturesSpec

FEW = 16
"""Most categories whose type is kept."""
INDEX = pd.RangeIndex(1)
UTC: Any = pd.api.types.pandas_dtype("datetime64[us, UTC]")
MASKED: Any = (pd.Int64Dtype, pd.Float64Dtype, pd.BooleanDtype)
NUMPY: dict[pa.DataType, Any] = {
    pa.int64(): np.int64,
    pa.float64(): np.float64,
    pa.bool_(): np.bool_,
}


def features_of_one(
    spec: FeaturesSpec, hook: Hook, row: pa.Table, joined: Mapping[str, Any]
) -> pa.Table | None:
    """Return the feature columns of a table of one row, or None if only `hook.call` can tell."""
    present = set(row.column_names)
    names = [name for name in spec.known if name in present]
    try:
        returned = hook(**{spec.dataset: frame_of_one(row, names)}, **joined)
    except Exception:
        # Not lost: the call that follows meets it again.
        return None
    if not isinstance(returned, pd.DataFrame) or not returned.index.equals(INDEX):
        return None
    if len(returned.columns) != len(spec.columns) or set(returned.columns) != set(spec.columns):
        return None
    try:
        arrays = [_array(returned[name], of.kind) for name, of in spec.columns.items()]
    except Unsure:
        return None
    return pa.Table.from_arrays(arrays, names=list(spec.columns))


def frame_of_one(row: pa.Table, names: list[str]) -> pd.DataFrame:
    """Return some columns of a table of one row as `to_frame` does."""
    columns = {name: _values(row[name]) for name in names}
    # Each column is new: a copy would take most of the time.
    return pd.DataFrame(columns, index=INDEX, copy=False)


def _values(column: pa.ChunkedArray) -> Any:
    value, kind = column[0].as_py() if column.type in NUMPY else None, column.type
    if value is not None:
        return np.array([value], dtype=NUMPY[kind])
    if kind == pa.float64():
        return np.array([np.nan])
    if pa.types.is_string(kind):
        return pd.array(column, dtype="string[pyarrow]")
    if pa.types.is_dictionary(kind) and column.num_chunks == 1:
        return _category(column.chunk(0))
    if pa.types.is_timestamp(kind) and not column.null_count:
        times: Any = column.cast(pa.timestamp("us")).to_numpy()
        return pd.array(times, dtype=UTC)
    return to_frame(pa.table({"one": column}))["one"].array


def _category(value: pa.DictionaryArray) -> Any:
    """Return a category as `to_pandas` does."""
    if len(value.dictionary) > FEW:
        return value.to_pandas()
    code = value.indices[0].as_py()
    codes: Any = np.array([-1 if code is None else code], dtype=np.int8)
    kind = _categories(tuple(value.dictionary.to_pylist()))
    return pd.Categorical.from_codes(codes, dtype=kind)


@lru_cache(maxsize=1 << 12)
def _categories(known: tuple[str, ...]) -> Any:
    """Return the pandas type of some categories: making it takes longer than a row of it."""
    none = pa.array([None], pa.int32())
    return pa.DictionaryArray.from_arrays(none, pa.array(known, pa.string())).to_pandas().dtype


def _array(values: pd.Series, kind: str) -> pa.Array:
    """Return a feature of one row in its declared type; Unsure where `hook` must judge it."""
    dtype: Any = values.dtype
    value = values.array[0]
    missing = value is pd.NA or value is None or value != value
    if kind in ("category", "text"):
        if missing:
            return pa.nulls(1, ARROW[kind])
        if not isinstance(value, str):
            raise Unsure
        if kind == "text":
            return pa.array([value], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([value]))
    plain = dtype.numpy_dtype if isinstance(dtype, MASKED) else dtype
    if not isinstance(plain, np.dtype):
        raise Unsure
    if kind == "boolean" and plain.kind == "b" and not missing:
        return pa.array([bool(value)])
    if plain.kind not in "iuf" or kind not in ("number", "integer"):
        raise Unsure
    if missing:
        return pa.nulls(1, ARROW[kind])
    if kind == "integer":
        return pa.array([_whole(value)], pa.int64())
    number = float(value)
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise Unsure
    return pa.array([number], pa.float64())


def _whole(value: Any) -> int:
    if not math.isfinite(value) or value != math.floor(value) or abs(float(value)) > MOST:
        raise Unsure
    return int(value)
