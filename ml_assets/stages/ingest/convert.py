"""From a column as it was read to the contract's type, with the mask of values that are not.

Belongs here: whole columns. Does not belong here: the grammar of one value (`parse`), records.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.ingest.parse import PARSERS
from ml_assets.stages.schema import TYPES, category


def convert(array: pa.Array, kind: str) -> tuple[pa.Array, pa.Array]:
    """Return a column in the logical type `kind`, and a boolean mask of the failing values.

    Failing values are null in the column. NaN of a Parquet file is a missing value.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    found = _whole(array, kind)
    if found is not None:
        return found, _none(len(array))
    texts = _texts(array)
    if texts is None:
        return pa.nulls(len(array), TYPES[kind]), pc.is_valid(array)
    return _by_distinct_text(texts, kind)


def _whole(array: pa.Array, kind: str) -> pa.Array | None:
    """Convert a column whose values are all good, fast; None where one is not."""
    from_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    if kind in ("text", "category"):
        if not from_text:
            return None
        texts = array.cast(pa.string())
        return texts if kind == "text" else category(texts)
    if not (from_text and kind in ("integer", "number")) and not _natural(array.type, kind):
        return None
    if from_text and kind == "integer" and _has(array, "x", "X"):
        return None  # Arrow reads hexadecimal; we do not.
    try:
        found = array.cast(TYPES[kind])
    except pa.ArrowInvalid:
        return None
    if kind == "number" and not _all_finite(found):
        return None
    return found


def _natural(given: pa.DataType, kind: str) -> bool:
    """Tell whether an Arrow type means what the logical type does, widths and units aside."""
    if kind == "integer":
        return bool(pa.types.is_integer(given))
    if kind == "number":
        return bool(pa.types.is_floating(given) or pa.types.is_integer(given))
    if kind == "boolean":
        return bool(pa.types.is_boolean(given))
    if kind == "timestamp":
        return bool(pa.types.is_timestamp(given))
    return bool(kind == "date" and pa.types.is_date32(given))


def _texts(array: pa.Array) -> pa.Array | None:
    """Return the values as text; None for what has no text (lists, structs)."""
    if pa.types.is_date64(array.type):
        array = array.cast(pa.date32())
    try:
        return array.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return None


def _by_distinct_text(texts: pa.Array, kind: str) -> tuple[pa.Array, pa.Array]:
    """Parse each distinct text once."""
    if kind in ("text", "category"):
        return (texts if kind == "text" else category(texts)), _none(len(texts))
    encoded = texts.dictionary_encode()
    parse = PARSERS[kind]
    parsed: list[Any] = [parse(text) for text in encoded.dictionary.to_pylist()]
    values = pa.array(parsed, TYPES[kind]).take(encoded.indices)
    return values, pc.and_(pc.is_null(values), pc.is_valid(texts))


def _has(array: pa.Array, *letters: str) -> bool:
    return any(pc.any(pc.match_substring(array, letter)).as_py() for letter in letters)


def _all_finite(array: pa.Array) -> bool:
    return pc.all(pc.is_finite(array)).as_py() is not False


def _none(length: int) -> pa.Array:
    return pa.repeat(pa.scalar(False), length)
