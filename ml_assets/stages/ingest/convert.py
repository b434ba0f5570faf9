"""From a column as read to the contract's type, with a mask of the values that fail.

Belongs here: whole columns. Does not belong here: the grammar of one value (`parse`), records.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.ingest.arrow import decoded
from ml_assets.stages.ingest.parse import PARSERS
from ml_assets.stages.schema import LARGEST, TYPES, category

EXACT = {pa.float32(): 2.0**24, pa.float64(): 2.0**53}
"""The largest magnitude up to which a float holds every integer."""


def convert(array: pa.Array, kind: str) -> tuple[pa.Array, pa.Array]:
    """Return a column in the logical type `kind`, and a boolean mask of the failing values.

    The column is text or of a type that `arrow.plain` gives. Failing values are null. NaN of a
    Parquet file is a missing value.
    """
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    converted = _whole(array, kind)
    if converted is not None:
        return converted, _none(len(array))
    texts = texts_of(array)
    if texts is None:
        return pa.nulls(len(array), TYPES[kind]), pc.is_valid(array)
    converted, bad = _by_distinct_text(texts, kind)
    return converted, pc.or_(bad, pc.and_(pc.is_null(texts), pc.is_valid(array)))


def _whole(array: pa.Array, kind: str) -> pa.Array | None:
    """Convert a column of valid values, fast; None if one is invalid."""
    from_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    if kind in ("text", "category"):
        if not from_text:
            return None
        texts = array.cast(pa.string())
        return texts if kind == "text" else category(texts)
    if not (from_text and kind in ("integer", "number")) and not _natural(array.type, kind):
        return None
    if from_text and kind == "integer" and _has(array, "x", "X"):
        return None  # Arrow accepts hexadecimal; the contract does not.
    try:
        converted = array.cast(TYPES[kind])
    except pa.ArrowInvalid:
        return None
    if kind == "number" and not _all_within(converted):
        return None
    return converted


def _natural(given: pa.DataType, kind: str) -> bool:
    """Return whether an Arrow type matches the logical type, widths and units aside."""
    if kind == "integer":
        return bool(pa.types.is_integer(given))
    if kind == "number":
        return bool(pa.types.is_floating(given) or pa.types.is_integer(given))
    if kind == "boolean":
        return bool(pa.types.is_boolean(given))
    if kind == "timestamp":
        return bool(pa.types.is_timestamp(given))
    return bool(kind == "date" and pa.types.is_date32(given))


def texts_of(array: pa.Array) -> pa.Array | None:
    """Return the values as text; None for types without a text form (durations, lists, structs)."""
    if pa.types.is_binary(array.type):
        return decoded(array)
    if pa.types.is_floating(array.type):
        return _floats(array)
    if pa.types.is_duration(array.type):
        return None  # Arrow would write the bare count, whatever the unit.
    try:
        return array.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return None


def _floats(array: pa.Array) -> pa.Array:
    """Return floats as text, whole ones without point and exponent.

    pandas writes an integer column with a missing value as floats.
    """
    limit = EXACT[array.type]
    whole = pc.and_(pc.equal(pc.floor(array), array), pc.less_equal(pc.abs(array), limit))
    integers = pc.if_else(whole, array, pa.scalar(None, array.type)).cast(pa.int64())
    return pc.coalesce(integers.cast(pa.string()), array.cast(pa.string()))


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


def _all_within(array: pa.Array) -> bool:
    return pc.all(pc.less_equal(pc.abs(array), LARGEST)).as_py() is not False


def _none(length: int) -> pa.Array:
    return pa.repeat(pa.scalar(False), length)
