"""Summary statistics of one column.

Belongs here: figures. Does not belong here: comparing, words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.quality.arrays import CATEGORICAL, NUMERIC, Floats, levels, numbers

SHOWN_LEVELS = 5
DRAWN_BINS = 24
_DIGITS = 6


def summary(column: pa.ChunkedArray, type_: str, drawn: list[float] | None) -> dict[str, Any]:
    """Return a column's statistics as JSON; `drawn` are the edges of its histogram.

    Always "missing" and "distinct". Numbers: "infinite", "mean", "sd", "quantiles" (0, 25, 50,
    75 and 100 %) and "heights" (shares), of the finite values. Texts: "top" [[value, rows]].
    Times: "first" and "last". Figures that cannot be computed are absent.
    """
    if type_ in NUMERIC:
        return _of_numbers(column, drawn)
    if type_ in CATEGORICAL:
        return _of_levels(column)
    figures: dict[str, Any] = {"missing": column.null_count, "distinct": pc.count_distinct(column)}
    figures["distinct"] = figures["distinct"].as_py()
    if column.null_count < len(column):
        ends = pc.min_max(column).as_py()
        figures |= {"first": ends["min"].isoformat(), "last": ends["max"].isoformat()}
    return figures


def histogram_edges(values: Floats) -> list[float]:
    """Return the edges of a histogram's bins: even, without the outer half percent of rows."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return []
    low, high = (float(edge) for edge in np.quantile(finite, [0.005, 0.995], method="nearest"))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    if high - low > 1e300 or not high > low:
        return []
    return [float(edge) for edge in np.linspace(low, high, DRAWN_BINS + 1)]


def _of_numbers(column: pa.ChunkedArray, drawn: list[float] | None) -> dict[str, Any]:
    values = numbers(column)
    present = values[~np.isnan(values)]
    finite = np.sort(present[np.isfinite(present)])
    figures: dict[str, Any] = {
        "missing": len(values) - len(present),
        "infinite": len(present) - len(finite),
    }
    if not len(finite):
        return {**figures, "distinct": 0}
    places = [round(share * (len(finite) - 1)) for share in (0, 0.25, 0.5, 0.75, 1)]
    with np.errstate(over="ignore", invalid="ignore"):
        moments = {"mean": float(finite.mean()), "sd": float(finite.std())}
    figures["distinct"] = 1 + int((finite[1:] != finite[:-1]).sum())
    figures |= {name: _short(value) for name, value in moments.items() if np.isfinite(value)}
    figures["quantiles"] = [_short(float(finite[place])) for place in places]
    edges = histogram_edges(finite) if drawn is None else drawn
    if edges:
        inside = np.clip(finite, edges[0], edges[-1])
        heights, _ = np.histogram(inside, bins=np.array(edges))
        figures["heights"] = [_short(height / len(finite)) for height in heights.tolist()]
        figures["drawn"] = [_short(edges[0]), _short(edges[-1])]
    return figures


def _of_levels(column: pa.ChunkedArray) -> dict[str, Any]:
    texts, codes = levels(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    most = np.lexsort((np.arange(len(texts)), -counts))[:SHOWN_LEVELS]
    return {
        "missing": int((codes < 0).sum()),
        "distinct": int((counts > 0).sum()),
        "top": [[texts[int(place)].as_py(), int(counts[place])] for place in most if counts[place]],
    }


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
