"""The batches of rows that changed since a watermark, and where in the table their rows are.

Where that cannot be told to the database (times kept as text, a batch made of several columns),
all rows are read and those of other batches dropped. Belongs here: from changed rows to a WHERE.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from ml_assets.engine.cutting.names import names_of
from ml_assets.engine.pulling.database import Snapshot
from ml_assets.engine.pulling.rows import kinds, table
from ml_assets.spec.cut import UNASSIGNED, Cut, after, begin
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest import columnar
from ml_assets.stages.ingest.columns import named

DAY = timedelta(days=1)
"""No zone's clock is further than that from another's."""
MOST = 50
"""Ranges or names in one WHERE; beyond that all rows are read."""


@dataclass
class Touched:
    """Some batches, and a WHERE that leaves out none of their rows."""

    batches: frozenset[str]
    where: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def touched(reader: Snapshot, spec: DatasetSpec, since: Any) -> Touched:
    """Return the batches of rows whose watermark is missing, or `since` or later."""
    sql, cut = spec.landing.sql, spec.landing.cut
    assert sql is not None
    assert sql.watermark is not None
    assert cut is not None
    mark = reader.quoted(sql.watermark)
    names: set[str] = set()
    ranges: set[tuple[Any, Any]] | None = set()
    for value, name in _named(reader, spec, cut, f"{mark} >= :since OR {mark} IS NULL", since):
        names.add(name or UNASSIGNED)
        if ranges is not None and value is not None and cut.period is not None:
            limits = _around(cut.period, value)
            ranges = None if limits is None else ranges | {limits}
    # Rows without a batch are always read: they may have got one.
    batches = frozenset({*names, UNASSIGNED})
    columns = named(cut.column, spec.columns[cut.column])
    if len(columns) > 1 or not names - {UNASSIGNED}:
        return Touched(batches)
    column = reader.quoted(columns[0])
    if cut.period is None:
        return _by_values(reader, spec, cut, batches, column)
    return _by_ranges(ranges, batches, column)


def _named(
    reader: Snapshot, spec: DatasetSpec, cut: Cut, where: str, since: Any
) -> Iterator[tuple[Any, str | None]]:
    """Yield each value of the column that says the batch, and the batch; None for no batch."""
    columns = named(cut.column, spec.columns[cut.column])
    what = f"DISTINCT {', '.join(reader.quoted(name) for name in columns)}"
    values = {} if since is None else {"since": since}
    for names, rows in reader.read(what, where, values):
        if not rows:
            return
        # The database may spell the name in another case.
        piece = table(names, rows, kinds(spec)).rename_columns(list(columns))
        given, _ = names_of(columnar.source(piece), spec, cut)
        yield from zip((row[0] for row in rows), given.to_pylist(), strict=True)


def _around(period: str, value: Any) -> tuple[Any, Any] | None:
    """Return a range that holds the period of a time by any zone's clock; None for a text."""
    if not isinstance(value, date):
        return None
    time = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    try:
        low, high = begin(period, time - DAY) - DAY, after(period, begin(period, time + DAY)) + DAY
    except (OverflowError, ValueError):
        return None
    return (low, high) if isinstance(value, datetime) else (low.date(), high.date())


def _by_ranges(
    ranges: set[tuple[Any, Any]] | None, batches: frozenset[str], column: str
) -> Touched:
    if ranges is None or len(ranges) > MOST:
        return Touched(batches)
    parts = [f"{column} IS NULL"]
    values: dict[str, Any] = {}
    for number, (low, high) in enumerate(sorted(ranges)):
        parts.append(f"{column} >= :low{number} AND {column} < :high{number}")
        values |= {f"low{number}": low, f"high{number}": high}
    return Touched(batches, " OR ".join(parts), values)


def _by_values(
    reader: Snapshot, spec: DatasetSpec, cut: Cut, batches: frozenset[str], column: str
) -> Touched:
    """Return a WHERE by the values themselves; several may be one batch (`A` and ` A`)."""
    values = [
        value
        for value, name in _named(reader, spec, cut, "", None)
        if value is not None and (name or UNASSIGNED) in batches
    ]
    if len(values) > MOST:
        return Touched(batches)
    return Touched(batches, f"{column} IS NULL OR {column} IN :names", {"names": values})
