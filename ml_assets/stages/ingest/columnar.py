"""A Parquet file to records; the line of a record is its 1-based number.

Belongs here: opening Parquet. Does not belong here: types, the contract.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace

import pyarrow as pa

from ml_assets.stages import parquet
from ml_assets.stages.ingest.arrow import plain
from ml_assets.stages.ingest.sniff import PARQUET
from ml_assets.stages.ingest.source import Lacking, Source, Unreadable
from ml_assets.stages.parts import parts_of


def read(content: bytes) -> Source:
    """Read a Parquet file; Unreadable if it is damaged, truncated or not readable."""
    return _read(lambda: source(parquet.read(content)))


def read_parts(content: bytes) -> Source:
    """Read packed Parquet files as one; Unreadable if one is not readable or has other types."""
    try:
        parts = parts_of(content)
    except tarfile.TarError as error:
        raise Unreadable("format", f"the file is a damaged tar archive ({error})") from None
    for name, part in parts.items():
        if not part.startswith(PARQUET):
            raise Unreadable("format", f"{name} is not a Parquet file; deliver it again")
    return _read(lambda: _together(parts))


def _together(parts: Mapping[str, bytes]) -> Source:
    tables = {name: parquet.read(part) for name, part in parts.items()}
    schema = common({name: table.schema for name, table in tables.items()})
    whole = pa.concat_tables([fitted(table, schema, name) for name, table in tables.items()])
    lacks, first = [], 0
    for name, table in tables.items():
        gone = frozenset(schema.names).difference(table.column_names)
        if gone:
            lacks.append(Lacking(name, range(first, first + len(table)), gone))
        first += len(table)
    return replace(source(whole), lacks=lacks)


def same_columns(schemas: Mapping[str, pa.Schema]) -> None:
    """Raise Unreadable if parts, by name, have other columns."""
    first, *others = schemas
    names = schemas[first].names
    for name in others:
        odd = ", ".join(sorted({*names} ^ {*schemas[name].names}))
        if odd:
            raise Unreadable("columns", f"{first} and {name} have other columns ({odd})")


def common(schemas: Mapping[str, pa.Schema]) -> pa.Schema:
    """Return one schema of all columns of parts, by name; Unreadable if types do not fit."""
    first, *others = schemas
    for name in others:
        twice = len(schemas[name].names) > len(set(schemas[name].names))
        if twice != (len(schemas[first].names) > len(set(schemas[first].names))):
            said = "have other columns (one of them twice)"
            raise Unreadable("columns", f"{first} and {name} {said}")
    if all(schema.equals(schemas[first]) for schema in schemas.values()):
        return schemas[first].remove_metadata()
    try:
        return pa.unify_schemas(
            list(schemas.values()), promote_options="permissive"
        ).remove_metadata()
    except pa.ArrowException as error:
        raise Unreadable(
            "columns", f"the parts have columns of other types: {_first(error)}"
        ) from None


def fitted(table: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    """Return a part's rows with the columns of all parts, missing values for those that it lacks.

    Unreadable if values do not fit.
    """
    if table.schema.equals(schema):
        return table.replace_schema_metadata()
    for field in schema:
        if field.name not in table.schema.names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    try:
        return table.select(schema.names).cast(schema)
    except pa.ArrowException as error:
        raise Unreadable("columns", f"{name} has columns of other types: {_first(error)}") from None


def _read(opened: Callable[[], Source]) -> Source:
    try:
        return opened()
    except pa.ArrowNotImplementedError as error:
        raise Unreadable("parquet", f"the Parquet file cannot be read: {_first(error)}") from None
    except (pa.ArrowException, OSError) as error:
        raise Unreadable(
            "parquet",
            f"the Parquet file is damaged or truncated ({_first(error)}); deliver it again",
        ) from None


def source(table: pa.Table) -> Source:
    """Return the records of a table; ArrowException if a column is damaged."""
    table.validate()
    columns = [plain(column) for column in table.columns]
    for column in columns:
        column.validate(full=True)
    return Source(
        names=table.column_names,
        columns=columns,
        lines=pa.array(range(1, table.num_rows + 1), pa.int64()),
        broken=(),
        text=None,
        own=True,
    )


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
