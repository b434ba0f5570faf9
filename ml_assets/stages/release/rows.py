"""Rows of a bundle: golden rows with the server's predictions, ranges of the inputs.

Belongs here: values of features that leave the store. Does not belong here: values of a feature
derived from a sensitive column; those are left empty.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.intervals import apply
from ml_assets.stages.release.onnx import missing_text
from ml_assets.stages.train import folds
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle

ROWS = 24
"""Number of golden rows from the test fold."""
_TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "category": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "text": pa.string(),
}


def golden(
    model: Mapping[str, Any],
    family: Any,
    test: pa.Table,
    features: Mapping[str, Handle],
    sensitive: Collection[str],
    limits: Mapping[str, Any] | None = None,
) -> tuple[bytes, bytes]:
    """Return golden rows and the server's predictions for them, both as CSV.

    Evenly spaced rows of the test fold, then one of unseen categories, and one with all values
    missing. With `limits` the predictions have intervals.
    """
    columns = dict(sorted(model["columns"].items()))
    shown = _sample(test, features, columns)
    unseen = missing_text(model) or "?unseen?"
    while any(unseen in known for known in model["categories"].values()):
        unseen += "?"
    strange = {n: [unseen] if k in ("category", "text") else [None] for n, k in columns.items()}
    empty: dict[str, list[Any]] = {name: [None] for name in columns}
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
    rows = pa.concat_tables([shown, *(pa.table(each, schema) for each in (strange, empty))])
    for place, name in enumerate(columns):
        if name in sensitive:
            rows = rows.set_column(place, name, pa.nulls(len(rows), _TYPES[columns[name]]))
    prediction = predict(model, family, rows)
    matrix = prediction.reshape(len(rows), -1)
    inputs = _csv(list(columns), zip(*(_texts(rows[name]) for name in columns), strict=True))
    header = list(model["classes"]) or ["prediction"]
    texts = [[repr(value) for value in row] for row in matrix.tolist()]
    if limits is not None:
        header += apply.header(limits)
        slices = {name: rows[name].to_pylist() for name in limits["by"]}
        added = apply.fields(limits, model["classes"], prediction, slices)
        texts = [row + more for row, more in zip(texts, added, strict=True)]
    if "threshold" in model:
        header.append("class")
        decided = (prediction >= model["threshold"]).tolist()
        texts = [[*row, _text(true)] for row, true in zip(texts, decided, strict=True)]
    return inputs, _csv(header, texts)


def ranges(
    folded: Sequence[pa.Table], features: Mapping[str, Handle], columns: Mapping[str, str]
) -> dict[str, list[float] | None]:
    """Return the smallest and largest finite value of each numeric column in some folds."""
    limits: dict[str, list[float] | None] = {}
    for name, kind in columns.items():
        if kind in ("number", "integer"):
            parts = [t[name] for f in folded for _, t in folds.read(f, features, [name])]
            column = pa.chunked_array([c for p in parts for c in p.chunks], parts[0].type)
            if kind == "number":
                column = column.filter(pc.is_finite(column))
            low, high = pc.min_max(column).as_py().values()
            limits[name] = None if low is None else [low, high]
    return limits


def _sample(test: pa.Table, features: Mapping[str, Handle], columns: Mapping[str, str]) -> pa.Table:
    """Return evenly spaced rows of a fold, as CSV can represent them."""
    total = int((test["stop"].to_numpy() - test["start"].to_numpy()).sum())
    wanted = np.unique(np.linspace(0, total - 1, min(ROWS, total)).astype(np.int64))
    parts, start = [], 0
    for _, table in folds.read(test, features, list(columns)):
        here = wanted[(wanted >= start) & (wanted < start + len(table))] - start
        parts.append(_plain(table.take(pa.array(here)), columns))
        start += len(table)
    return pa.concat_tables(parts)


def _plain(table: pa.Table, columns: Mapping[str, str]) -> pa.Table:
    """Return columns of plain types; values that an empty field would represent are missing."""
    arrays = []
    for name, kind in columns.items():
        column = table[name].cast(_TYPES[kind])
        if kind in ("category", "text"):
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        elif kind == "number":
            none = pa.scalar(None, pa.float64())
            column = pc.if_else(pc.is_finite(column), column, none)
        arrays.append(column)
    return pa.table(arrays, names=list(columns))


def _texts(column: pa.ChunkedArray) -> list[str]:
    return [_text(value) for value in column.to_pylist()]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return sink.getvalue().encode()
