"""From a contract's columns to Arrow types, and the tables that ingest and clean produce.

Belongs here: the one mapping of logical types, `_line`, the layout of quarantine.
Does not belong here: reading, rules, pandas (`frames`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column

LINE = "_line"
"""Where a record starts: 1-based line of a CSV file, 1-based record of a Parquet file."""
DUMMY = "_dummy"
"""A file's column that says that its rows are made up, whatever its values; it is in no table."""
UNLABELLED = "_unlabelled"
"""Of a cleaned table whose labels come later: why a row has none; null where it has one."""
TYPES: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}
LARGEST = 1e100
"""The largest magnitude of a number: beyond it sums of squares would overflow."""
QUARANTINE = pa.schema(
    [
        pa.field(LINE, pa.int64()),
        pa.field("rule", pa.string()),
        pa.field("column", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("text", pa.string()),
    ]
)
"""One row per quarantined record: line, rule, column, reason, text."""


@dataclass(frozen=True)
class Bad:
    """A quarantined record."""

    line: int
    rule: str
    column: str | None
    reason: str
    text: str


def arrow_type(column: Column) -> pa.DataType:
    """Return the Arrow type of a column of a contract."""
    return TYPES[column.type]


def table_schema(columns: Mapping[str, Column]) -> pa.Schema:
    """Return the schema of raw and cleaned: `_line`, then the contract's columns in order."""
    fields = [pa.field(name, arrow_type(column)) for name, column in columns.items()]
    return pa.schema([pa.field(LINE, pa.int64()), *fields])


def cleaned_schema(columns: Mapping[str, Column], *, labels: bool) -> pa.Schema:
    """Return the schema of cleaned: with `labels` it ends with why a row has no label."""
    schema = table_schema(columns)
    return schema.append(pa.field(UNLABELLED, TYPES["category"])) if labels else schema


def category(texts: pa.Array) -> pa.DictionaryArray:
    """Return texts as a dictionary of the values present, sorted, so that equal rows are equal."""
    encoded = texts.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    rank = pc.cast(pc.array_sort_indices(order), pa.int32())
    indices = rank.take(encoded.indices)
    return pa.DictionaryArray.from_arrays(indices, encoded.dictionary.take(order))


def compact(table: pa.Table) -> pa.Table:
    """Return a table of one chunk whose dictionaries hold only the values present."""
    columns = [
        category(column.cast(pa.string()).combine_chunks())
        if pa.types.is_dictionary(column.type)
        else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.schema).combine_chunks()


def bad_table(bad: Sequence[Bad]) -> pa.Table:
    """Return quarantined records as a table, ordered by line."""
    ordered = sorted(bad, key=lambda item: item.line)
    columns = {
        LINE: [item.line for item in ordered],
        "rule": [item.rule for item in ordered],
        "column": [item.column for item in ordered],
        "reason": [item.reason for item in ordered],
        "text": [item.text for item in ordered],
    }
    return pa.table(columns, schema=QUARANTINE)
