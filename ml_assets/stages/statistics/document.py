"""The document of a table: what is said of which column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.statistics import columns, dependence, times

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column

FORMAT = 1
LEAST = 10
Read = Callable[[Sequence[str]], pa.Table]
"""From the names of columns to a table of them, all rows in one order."""


@dataclass(frozen=True)
class Asked:
    """Of which table statistics are wanted, and how careful they are."""

    dataset: str
    columns: Mapping[str, Column]
    time: str | None
    zone: str
    """The clock by which hours, days and months are told."""
    names: frozenset[str] = frozenset()
    """Columns that name rows, of this dataset or of another: none of their values is said."""
    least: int = LEAST
    correlations: bool = True


def statistics(asked: Asked, read: Read) -> dict[str, Any]:
    """Return the document of a table, as JSON; the columns are read one after another."""
    clock = None
    rows = len(read([next(iter(asked.columns))]))
    if asked.time is not None and rows >= asked.least:
        clock = times.Clock(read([asked.time]).column(0), asked.zone)
    said: dict[str, Any] = {}
    missing: dict[str, Any] = {}
    for name, column in asked.columns.items():
        values = read([name]).column(0)
        gone = values.is_null().to_numpy(zero_copy_only=False)
        missing[name] = gone
        said[name] = {"type": column.type, "missing": _share(int(gone.sum()), rows, asked.least)}
        said[name] |= _of(asked, name, values, clock)
    document = {
        "format": FORMAT,
        "dataset": asked.dataset,
        "least_rows": asked.least,
        "rows": rows if rows >= asked.least else 0,
        "columns": said,
        "missing_together": dependence.patterns(missing, asked.least),
    }
    ordered = [name for name, entry in said.items() if columns.is_ordered(entry)]
    if asked.correlations and len(ordered) > 1:
        document["correlations"] = dependence.correlations(ordered, read, asked.least)
    return document


def _of(
    asked: Asked, name: str, values: pa.ChunkedArray, clock: times.Clock | None
) -> dict[str, Any]:
    column, least = asked.columns[name], asked.least
    if column.sensitive:
        return {"sensitive": True}
    if name in asked.names and column.type in ("text", "category"):
        names = values.cast(pa.string())
        return {"distinct": _rounded(pc.count_distinct(names).as_py())}
    if name == asked.time:
        return {} if clock is None else clock.shares(least)
    if column.type in ("timestamp", "date"):
        return times.lags(values, clock, least)
    if column.type == "integer" and clock is not None:
        part = clock.part(values)
        if part is not None:
            return {"of_time": part}
    if column.type in ("integer", "number"):
        return columns.of_numbers(values, least, whole=column.type == "integer")
    return columns.of_levels(values, least)


def _share(count: int, rows: int, least: int) -> float:
    """Return a share to four digits; all or nothing where either side has too few rows."""
    if count < least or not rows:
        return 0.0
    return 1.0 if rows - count < least else round(count / rows, 4)


def _rounded(count: int) -> int:
    """Return a count to two digits."""
    return int(float(np.format_float_scientific(count, precision=1)))
