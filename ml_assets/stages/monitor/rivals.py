"""Champion and challenger on the same requests: how far apart they are, how long each takes.

Belongs here: figures of a day of requests during a trial. Does not belong here: batches
(`score/pairs`), which of the two is better (`trial`).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ASKED, SHADOW = "request_", "request_shadow_"
QUANTILES = {"median": 0.5, "p95": 0.95, "p99": 0.99, "most": 1.0}


def apart(table: pa.Table, version: str) -> dict[str, Any] | None:
    """Return how far a version is from the one that scored the same rows beside it, or answered.

    {"model": the other version, "rows", "answered": by it of them, "mean_absolute_difference":
    as of `score/pairs.disagreement`, "differing": the share of another class, where there are
    classes, "seconds": of a request by the version that did not answer}. None without such rows.
    """
    if f"{SHADOW}version" not in table.column_names:
        return None
    ours, theirs = (_text(table, f"{start}version") for start in (ASKED, SHADOW))
    mine = pc.and_(pc.or_(pc.equal(ours, version), pc.equal(theirs, version)), pc.is_valid(theirs))
    there = pc.is_valid(table[f"{SHADOW}prediction"])
    rows = table.filter(pc.fill_null(pc.and_(mine, there), False))
    others = pc.if_else(
        pc.equal(_text(rows, f"{ASKED}version"), version),
        _text(rows, f"{SHADOW}version"),
        _text(rows, f"{ASKED}version"),
    )
    if not len(rows):
        return None
    counts = {item["values"].as_py(): item["counts"].as_py() for item in pc.value_counts(others)}
    other = max(counts, key=lambda name: (counts[name], name))
    rows = rows.filter(pc.equal(others, other))
    _, first = np.unique(rows[f"{ASKED}id"].to_numpy(zero_copy_only=False), return_index=True)
    return {
        "model": other,
        "rows": len(rows),
        "answered": int(pc.sum(pc.equal(_text(rows, f"{ASKED}version"), other)).as_py() or 0),
        **_figures(rows),
        "seconds": quantiles(rows.take(pa.array(first))[f"{SHADOW}seconds"]),
    }


def quantiles(seconds: pa.ChunkedArray) -> dict[str, float]:
    """Return quantiles of times by name; none without any."""
    known = np.asarray(seconds.drop_null().to_numpy(), dtype=np.float64)
    values = np.quantile(known, list(QUANTILES.values())) if len(known) else ()
    return dict(zip(QUANTILES, map(float, values), strict=False))


def _figures(rows: pa.Table) -> dict[str, float]:
    if f"{ASKED}probabilities" in rows.column_names:
        said = [
            [json.loads(text) for text in rows[f"{start}probabilities"].to_pylist()]
            for start in (ASKED, SHADOW)
        ]
        variation = [
            sum(abs(a.get(name, 0.0) - b.get(name, 0.0)) for name in {**a, **b}) / 2
            for a, b in zip(*said, strict=True)
        ]
        classes = (_text(rows, f"{start}prediction") for start in (ASKED, SHADOW))
        return {
            "mean_absolute_difference": float(np.mean(variation)),
            "differing": float(pc.mean(pc.not_equal(*classes)).as_py()),
        }
    first, second = (rows[f"{start}prediction"].to_numpy() for start in (ASKED, SHADOW))
    figures = {"mean_absolute_difference": float(np.abs(first - second).mean())}
    if f"{ASKED}class" in rows.column_names:
        other = pc.mean(pc.not_equal(rows[f"{ASKED}class"], rows[f"{SHADOW}class"])).as_py()
        if other is not None:
            figures["differing"] = float(other)
    return figures


def _text(table: pa.Table, name: str) -> pa.ChunkedArray:
    return table[name].cast(pa.string())
