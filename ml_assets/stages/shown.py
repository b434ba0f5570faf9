"""Display of records to people: short, and never a sensitive value.

Belongs here: masking and shortening. Does not belong here: deciding which records are bad.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column

MASK = "***"
LONGEST = 2000
"""Characters of a record that are stored as text; the landed bytes are stored whole."""
LONGEST_VALUE = 60


def any_sensitive(columns: Mapping[str, Column]) -> bool:
    """Return whether a contract has a column that must not be shown."""
    return any(column.sensitive for column in columns.values())


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return a text truncated to a length, with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def value(got: Any, column: Column) -> str:
    """Return "got 'abc'" for a message, without the value if it is sensitive."""
    if column.sensitive:
        return "got a value that is not shown (the column is sensitive)"
    if hasattr(got, "isoformat"):
        return f"got {got.isoformat()}"
    return f"got {shortened(repr(got), LONGEST_VALUE)}"


def listed(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return values for a message; for lists, structs and durations only their type.

    Those may be arbitrarily long, and hold values that Python cannot represent.
    """
    kind = array.type
    if not pa.types.is_nested(kind) and not pa.types.is_duration(kind):
        return list(array.to_pylist())
    return [f"a {kind}" if valid else None for valid in array.is_valid().to_pylist()]


def row_texts(table: pa.Table, columns: Mapping[str, Column]) -> list[str]:
    """Return each row as compact JSON of the contract's columns, sensitive ones masked."""
    present = set(table.column_names)
    shown = [name for name in columns if name in present]
    parts = {name: listed(table.column(name)) for name in shown if not columns[name].sensitive}
    if not shown:
        return ["{}"] * table.num_rows
    masked = [MASK] * table.num_rows
    values = [parts.get(name, masked) for name in shown]
    return [
        shortened(_json(dict(zip(shown, row, strict=True)))) for row in zip(*values, strict=True)
    ]


def _plain(item: Any) -> str:
    return str(item.isoformat()) if hasattr(item, "isoformat") else str(item)


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode
