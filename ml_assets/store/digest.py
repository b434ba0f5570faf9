"""Content digests `d1:…`: they depend on the logical content, never on file bytes.

The specification, with test vectors, is docs/reference/digest.md. A change here
needs a new prefix (d2), since every digest ever recorded depends on it.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from ml_assets.errors import StageError

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "d1:"


def bytes_digest(content: bytes) -> str:
    """Return the digest of raw bytes (a landed file, an HTML page)."""
    return PREFIX + hashlib.sha256(b"d1:bytes\n" + content).hexdigest()


def canonical_json(document: Any) -> bytes:
    """Return the canonical JSON text of a document: sorted keys, no spaces, finite floats.

    Raises StageError for what JSON cannot hold (NaN, infinities, other types).
    """
    try:
        text = json.dumps(
            document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    except (TypeError, ValueError) as error:
        wrong = ", ".join(islice(_not_finite(document, ""), 5))
        said = f"{wrong}, wanted finite numbers" if wrong else str(error)
        raise StageError(f"not a JSON document: {said}") from error
    return text.encode()


def _not_finite(document: Any, place: str) -> Iterator[str]:
    """Yield each number that JSON cannot hold, with its place: `columns.x.mean is inf`."""
    if isinstance(document, float) and not math.isfinite(document):
        yield f"{place or 'the document'} is {document}"
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(document, dict):
        parts = document.items()
    elif isinstance(document, (list, tuple)):
        parts = enumerate(document)
    for name, part in parts:
        yield from _not_finite(part, f"{place}.{name}" if place else str(name))


def json_digest(document: Any) -> str:
    """Return the digest of a JSON document; StageError for what JSON cannot hold."""
    return PREFIX + hashlib.sha256(b"d1:json\n" + canonical_json(document)).hexdigest()


def table_digest(table: pa.Table) -> str:
    """Return the digest of a table: names, logical types, values, nulls and row order.

    Chunking, the bytes under nulls, dictionary order and schema metadata do not matter.
    Raises StageError for a column type without a definition.
    """
    state = hashlib.sha256(b"d1:table\n")
    state.update(struct.pack("<QI", table.num_rows, table.num_columns))
    for field, column in zip(table.schema, table.columns, strict=True):
        name = field.name.encode()
        state.update(struct.pack("<I", len(name)) + name)
        _column(state, field.name, column)
    return PREFIX + state.hexdigest()


def _column(state: hashlib._Hash, name: str, column: pa.ChunkedArray) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind) and _tag(name, kind.value_type) == "text":
        column, tag = column.cast(kind.value_type), "category"
    else:
        tag = _tag(name, kind)
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    state.update(f"{tag}\n".encode())
    state.update(b"\x01" if array.null_count else b"\x00")
    if array.null_count:
        state.update(pc.is_valid(array).to_numpy(zero_copy_only=False).tobytes())
    for part in _values(array, pc):
        state.update(part)


def _tag(name: str, kind: pa.DataType) -> str:
    import pyarrow as pa

    simple = {
        pa.int8(): "int8",
        pa.int16(): "int16",
        pa.int32(): "int32",
        pa.int64(): "int64",
        pa.float32(): "float32",
        pa.float64(): "float64",
        pa.bool_(): "bool",
        pa.string(): "text",
        pa.large_string(): "text",
        pa.date32(): "date",
    }
    if kind in simple:
        return simple[kind]
    if pa.types.is_timestamp(kind):
        return f"timestamp[{kind.unit},{kind.tz or ''}]"
    raise StageError(f"column {name!r} has type {kind}, for which no digest is defined")


def _values(array: pa.Array, pc: Any) -> list[bytes | memoryview]:
    """Return the value bytes, little-endian, with nulls as zero (or as empty text)."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        filled = pc.fill_null(array, "").cast(pa.large_string())
        _, offsets, data = filled.buffers()
        ends = np.frombuffer(offsets, dtype="<i8")[filled.offset : filled.offset + len(filled) + 1]
        if len(filled) == 0:
            return [b""]
        text = memoryview(data)[ends[0] : ends[-1]] if data is not None else b""
        return [np.diff(ends).astype("<i8").tobytes(), text]
    if pa.types.is_boolean(array.type):
        return [pc.fill_null(array, False).to_numpy(zero_copy_only=False).tobytes()]
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    elif pa.types.is_date32(array.type):
        array = array.cast(pa.int32())
    values = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
    return [np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()]
