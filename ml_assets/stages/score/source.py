"""Rows in memory as ingest reads a file: frames, tables, lists of mappings.

Belongs here: what a value of Python or pandas is in Arrow. Does not belong here: the contract.
A text that `landing.null_values` lists is missing, as in a file of texts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.stages.ingest import columnar
from ml_assets.stages.ingest.cells import Number, column, written
from ml_assets.stages.ingest.columns import named
from ml_assets.stages.ingest.source import Source, Unreadable
from ml_assets.stages.ingest.spelling import spelling

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.spec.score import RowsSpec
    from ml_assets.stages.ingest.spelling import Spelling

Rows = "pa.Table | pd.DataFrame | Sequence[Mapping[str, Any]]"


def source_of(rows: Any, spec: RowsSpec) -> Source:
    """Return rows of any kind as a file that was read; Unreadable for anything else."""
    if isinstance(rows, pa.Table):
        return source_of_table(rows)
    columns = {**spec.contract.columns, **spec.optional}
    by = {named(name, c)[0]: spelling(c, spec.landing) for name, c in columns.items()}
    if hasattr(rows, "iloc") and hasattr(rows, "columns"):
        return _of_frame(rows, by)
    if isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows):
        return _of_mappings(rows, by)
    raise Unreadable(
        "rows",
        f"got {type(rows).__name__}, wanted rows: a pandas frame, a pyarrow table or a list of "
        "mappings from column to value",
    )


def source_of_table(table: pa.Table) -> Source:
    """Return a table as a file that was read."""
    read = columnar.source(table)
    return Source(read.names, read.columns, read.lines, (), None)


def _of_frame(frame: pd.DataFrame, by: Mapping[str, Spelling]) -> Source:
    names = [str(name) for name in frame.columns]
    columns = [_of_series(frame.iloc[:, n], by.get(name)) for n, name in enumerate(names)]
    table = pa.Table.from_arrays(columns, names=names) if names else pa.table({})
    return source_of_table(table)


def _of_series(series: pd.Series, by: Spelling | None) -> pa.Array:
    if series.dtype != object:
        try:
            made = pa.array(series, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            return cells_of(series, by)
        return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made
    return cells_of(series, by)


def _of_mappings(rows: Sequence[Mapping[str, Any]], by: Mapping[str, Spelling]) -> Source:
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    columns = [cells_of((row.get(name) for row in rows), by.get(name)) for name in names]
    lines = pa.array(range(1, len(rows) + 1), pa.int64())
    return Source(names, columns, lines, (), None)


def cells_of(values: Iterable[Any], by: Spelling | None) -> pa.Array:
    """Return values of Python or pandas as a column; numbers beside texts are written as they."""
    cells = [cell(value) for value in values]
    known = [item for item in cells if item is not None]
    try:
        if known and all(_is_aware(item) for item in known):
            # In UTC already: pyarrow ignores the zone once pandera is imported.
            moments = [None if item is None else item.astimezone(UTC) for item in cells]
            return pa.array(moments, pa.timestamp("us", "UTC"))
        return column([_plain(item) for item in cells], by)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        # Times beyond Arrow's, or text that cannot be stored: those cells fail by their own text.
        return pa.array([_stored(_plain(item), by) for item in cells], pa.string())


def _plain(item: Any) -> Any:
    return item.isoformat() if _is_aware(item) else item


def _stored(item: Any, by: Spelling | None) -> str | None:
    """Return a cell as text that can be stored."""
    if item is None:
        return None
    text = written(item, by)
    return text if text.isascii() or _encodes(text) else ascii(item)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def cell(value: Any) -> Any:
    """Return a value as a cell: missing as None, a number with all of its digits."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime(warn=False)
    elif hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return Number(value)
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value


def _is_aware(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None
