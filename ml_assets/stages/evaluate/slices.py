"""Metrics by declared slice: for whom does the model work how well?

Belongs here: rows to groups, and their metrics. Does not belong here: searching for slices
(`sections/worst.py`), words.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages import metrics
from ml_assets.stages.evaluate import bootstrap
from ml_assets.stages.evaluate.rows import PredictedRows

Ints = NDArray[np.int64]
FEW_ROWS = 100
FEW_BLOCKS = 5
"""A slice with rows in fewer blocks is not tested: its spread between draws says little."""
MOST_VALUES = 30
_DISTINCT = 12
MISSING = "(missing)"
OTHERS = " other values)"


def measure(
    name: str, rows: PredictedRows, task: str, metric: str, draws: bootstrap.Draws, level: float
) -> list[dict[str, Any]]:
    """Return one entry per value of a slice: worst first, those with few rows at the end."""
    labels, code = groups(rows.slices[name])
    spread = bootstrap.distribution(
        metric, rows.target, rows.prediction, draws, code, len(labels), rows.at
    )
    base_at = next(iter(rows.baselines_at.values()), metrics.HALF)
    entries = []
    for number, label in enumerate(labels):
        part = code == number
        target = rows.target[part]
        values, _ = metrics.measure(task, target, rows.prediction[part], (metric,), rows.at)
        # Of one class, say, neither has a value.
        known = values[metric] is not None
        base = None
        if known:
            base = metrics.function(task, metric, base_at)(target, rows.baseline[part])
        entry = {
            "slice": name,
            "value": label,
            "rows": len(target),
            "metrics": values,
            "interval": None,
            "baseline": base,
            "few": len(target) < FEW_ROWS,
        }
        # Drawn from one block, an interval has no width.
        if known and blocks(draws, part) > 1:
            entry["interval"] = bootstrap.interval(spread[:, number], level)
        entries.append(entry)
    return sorted(entries, key=lambda entry: _order(entry, metric))


def blocks(draws: bootstrap.Draws, part: NDArray[np.bool_]) -> int:
    """Return in how many blocks rows lie."""
    return int(np.unique(draws.block[part]).size)


def groups(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    """Return labels and each row's label number (n,); the rarest of many values are combined."""
    if pa.types.is_temporal(column.type):
        column = _ranges(column.cast(pa.date32()).cast(pa.int32()), _day)
    elif _is_number(column.type):
        column = _ranges(column, "{:.12g}".format)
    text = column.cast(pa.string()).combine_chunks().fill_null(MISSING)
    coded = text.dictionary_encode()
    values, code = coded.dictionary.to_pylist(), coded.indices.to_numpy()
    counts = np.bincount(code, minlength=len(values))
    order = sorted(range(len(values)), key=lambda place: (-counts[place], values[place]))
    labels = [values[place] for place in order]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    if len(labels) > MOST_VALUES:
        labels = [*labels[:MOST_VALUES], f"({len(labels) - MOST_VALUES:,}{OTHERS}"]
    return labels, np.minimum(rank[code], MOST_VALUES)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _day(number: float) -> str:
    return str(np.datetime64(int(number), "D"))


def _ranges(column: pa.ChunkedArray, said: Callable[[float], str]) -> pa.ChunkedArray:
    """Return numbers as texts: the values if few, otherwise ranges of about a quarter of rows."""
    number = np.asarray(column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy())
    known = number[np.isfinite(number)]
    distinct = np.unique(known)
    if len(distinct) <= _DISTINCT:
        edges, texts = distinct[1:], [said(value) for value in distinct]
    else:
        edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75], method="lower"))
        rounded = np.unique([float(f"{edge:.3g}") for edge in edges])
        edges = rounded if len(rounded) == len(edges) else edges
        texts = [f"{said(low)} to under {said(high)}" for low, high in pairwise(edges)]
        texts = [f"under {said(edges[0])}", *texts, f"{said(edges[-1])} and above"]
    place = pa.array(np.searchsorted(edges, number, side="right"), mask=~np.isfinite(number))
    return pa.chunked_array([pa.array(texts or [MISSING], pa.string()).take(place)])


def _order(entry: dict[str, Any], metric: str) -> tuple[bool, bool, float, str]:
    value = entry["metrics"][metric]
    if value is None:
        return entry["few"], True, 0.0, entry["value"]
    worst_first = value if metrics.greater_is_better(metric) else -value
    return entry["few"], False, worst_first, entry["value"]
