"""A file's columns to those of the contract: by name, several joined, missing values gone.

Belongs here: `source`, the texts of missing values. Does not belong here: types (`spelling`), which
columns a file lacks (`columns`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.ingest.columns import named, positions
from ml_assets.stages.ingest.convert import texts_of
from ml_assets.stages.ingest.parse import BLANKS
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.ingest.spelling import Spelling, spelling, without

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import Landing


def fields(
    source: Source,
    landing: Landing,
    columns: Mapping[str, Column],
    later: Collection[str] = (),
) -> dict[str, tuple[pa.Array, Spelling]]:
    """Return each column of the contract as the file has it, missing values null, and its spelling.

    One that comes `later` and that the file lacks has no values. Raises Unreadable for columns that
    are missing or duplicated.
    """
    at = positions(source.names, columns, later)
    by_name = {}
    for name, column in columns.items():
        by = spelling(column, landing, source.own)
        parts = named(name, column)
        if any(part not in at for part in parts):
            by_name[name] = (pa.nulls(len(source.lines), pa.string()), by)
            continue
        given = [_missing(source.columns[at[part]], source, by.nulls) for part in parts]
        by_name[name] = (given[0] if len(given) == 1 else _joined(given), by)
    return by_name


def _missing(array: pa.Array, source: Source, nulls: Sequence[str]) -> pa.Array:
    done = not source.padded and source.nulls == frozenset(nulls)
    if done or not nulls or not pa.types.is_string(array.type):
        return array
    return without(array, nulls)


def _joined(given: Sequence[pa.Array]) -> pa.Array:
    """Return texts joined by a blank, null where one is."""
    return pc.binary_join_element_wise(*(_text(array) for array in given), " ")


def _text(array: pa.Array) -> pa.Array:
    """Return values as they are joined: times at midnight as dates, no fractions that are zero."""
    if pa.types.is_timestamp(array.type):
        with suppress(pa.ArrowInvalid):
            array = array.cast(pa.date32())
    texts = texts_of(array)
    if texts is None:
        # No text that a format matches.
        return pc.if_else(pc.is_valid(array), f"a {array.type}", pa.scalar(None, pa.string()))
    if pa.types.is_string(array.type):
        return pc.ascii_trim(texts, BLANKS)
    return pc.replace_substring_regex(texts, r"(:[0-9]{2})[.]0+$", r"\1")
