"""Arrow's many column types to the few that conversion handles.

Belongs here: types as files hold them. Does not belong here: a contract's types (`convert`).

| given | becomes |
| --- | --- |
| dictionary, run-end encoded, extension | its value or storage type |
| string, large or view, and binary of any kind | string; binary if a value is not UTF-8 |
| half float | float |
| date, timestamp | date32, timestamp in UTC; text if one is beyond the years 1 to 9999 |
| duration, list, struct, map, … | unchanged: its values fail for every contract type |
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.ingest.parse import DAYS, SECONDS

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def plain(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array of a type that conversion handles; values keep their meaning.

    Raises ArrowException if the column is damaged.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        stored = [chunk.storage for chunk in column.chunks]
        return plain(pa.chunked_array(stored, kind.storage_type))
    if pa.types.is_dictionary(kind):
        return plain(column.cast(kind.value_type))
    if pa.types.is_run_end_encoded(kind):
        decoded = [pc.run_end_decode(chunk) for chunk in column.chunks]
        return plain(pa.chunked_array(decoded, kind.value_type))
    if _is_text(kind):
        return _texts(column.cast(pa.binary()).combine_chunks())
    array = column.combine_chunks()
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_date32(kind):
        return _within(array, array.view(pa.int32()), *DAYS)
    if pa.types.is_timestamp(kind):
        # The zone affects only display: Arrow stores UTC.
        array = array.view(pa.timestamp(kind.unit, None if kind.tz is None else "UTC"))
        per = PER_SECOND[kind.unit]
        return _within(array, array.view(pa.int64()), SECONDS[0] * per, SECONDS[1] * per)
    return array


def _within(array: pa.Array, counts: pa.Array, first: int, end: int) -> pa.Array:
    """Return days or times, as text if a count is not from `first` to before `end`."""
    ends = pc.min_max(counts)
    if not ends["min"].is_valid or first <= ends["min"].as_py() <= ends["max"].as_py() < end:
        return array
    return array.cast(pa.string())


def _is_text(kind: pa.DataType) -> bool:
    of = pa.types
    return bool(
        of.is_string(kind)
        or of.is_large_string(kind)
        or of.is_string_view(kind)
        or of.is_binary(kind)
        or of.is_large_binary(kind)
        or of.is_binary_view(kind)
        or of.is_fixed_size_binary(kind)
    )


def _texts(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        return array


def decoded(array: pa.Array) -> pa.Array:
    """Return an array of bytes as text, null if the bytes are not UTF-8."""
    return pa.array([_decoded(content) for content in array.to_pylist()], pa.string())


def _decoded(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None
