"""Rows of a database to an Arrow table, whose types do not depend on which rows they are.

A column has the type of its column in the contract if all values of the piece are of it, and is
text otherwise: ingest then reads it as it reads a CSV file. Belongs here: values and types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ml_assets.errors import RequestError
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest.columns import named


def kinds(spec: DatasetSpec) -> dict[str, str]:
    """Return the contract's type of each column of the query that alone makes one."""
    types: dict[str, str] = {}
    for name, column in spec.columns.items():
        parts = named(name, column)
        for part in parts:
            said = column.type if len(parts) == 1 else "text"
            types[part] = said if types.get(part, said) == said else "text"
    return types


def table(
    names: Sequence[str], rows: Sequence[Sequence[Any]], wanted: Mapping[str, str]
) -> pa.Table:
    """Return rows as a table; RequestError for two columns of one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RequestError(
            f"the query has several columns named {', '.join(twice)}; give them names with AS"
        )
    columns = list(zip(*rows, strict=True)) or [() for _ in names]
    return pa.table(
        [
            _column(values, wanted.get(name, "text"))
            for name, values in zip(names, columns, strict=True)
        ],
        names=list(names),
    )


def _column(values: Sequence[Any], kind: str) -> pa.Array:
    if all(value is None for value in values):
        return pa.nulls(len(values))
    made = _typed(values, kind)
    return pa.array([_text(value) for value in values], pa.string()) if made is None else made


def _typed(values: Sequence[Any], kind: str) -> pa.Array | None:
    """Return values in the type of the contract; None if one is of another."""
    types = {type(value) for value in values if value is not None}
    try:
        if kind == "integer" and types <= {int, Decimal}:
            whole = [None if value is None else int(value) for value in values]
            return pa.array(whole, pa.int64()) if whole == list(values) else None
        if kind == "number" and types <= {int, float, Decimal}:
            given = [None if value is None else float(value) for value in values]
            return pa.array(given, pa.float64())
        if kind == "boolean" and types == {bool}:
            return pa.array(values, pa.bool_())
        if kind in ("timestamp", "date") and types == {date}:
            return pa.array(values, pa.date32())
        if kind in ("timestamp", "date") and types == {datetime}:
            zoned = {value.tzinfo is not None for value in values if value is not None}
            if zoned == {True}:
                # In UTC already: pyarrow ignores the zone once pandera is imported.
                moments = [None if value is None else value.astimezone(UTC) for value in values]
                return pa.array(moments, pa.timestamp("us", "UTC"))
            if zoned == {False}:
                return pa.array(values, pa.timestamp("us"))
    except (pa.ArrowInvalid, OverflowError, ValueError):
        # Beyond what the type holds: ingest says so of the text.
        return None
    return None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
