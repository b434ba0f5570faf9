"""Selection bias: which rows do filters and quarantine remove, by declared slice and by column?

Belongs here: removed against kept rows. Does not belong here: why rows are removed.

An effect is an alarm only if it exceeds what chance gives when rows are removed independently of
everything, for all slices and columns together (Bonferroni), and the smallest effect that is
worth a warning. Chance: for a slice, the normal limit of Cohen's h (its variance is 1/n1 +
1/n2: Cohen 1988, chapter 6); for numbers, A. Dvoretzky, J. Kiefer, J. Wolfowitz, 1956, with P.
Massart's constant, 1990; for categories, T. Weissman et al., Inequalities for the L1
deviation, 2003.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.counted import counted
from ml_assets.stages.quality import arrays, effects
from ml_assets.stages.quality.encode import FEW, edges_of, kind_of, levels_of
from ml_assets.stages.quality.words import number, percent, quoted

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.quality import ReportSpec

MOST_SLICES = 30
MISSING = "(missing)"
SLICE_BINS = 4
SAMPLE = 4000


LABELS = "missing labels"
"""What removes rows from training though they are in cleaned."""


def most(unlabelled: int, rows: int) -> bool:
    """Return whether most labels are still to come, so that there is nothing to judge."""
    return 2 * unlabelled > rows


@dataclass(frozen=True)
class Removed:
    """Rows that one step removed, after cleaning, and those that were kept."""

    by: str
    """`filters`, `quarantine` or `missing labels`."""
    rows: pa.Table
    kept: pa.Table


def selection(spec: ReportSpec, parts: list[Removed]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return findings by slice, findings by column, and those not computed.

    A slice is {"by", "slice", "value", "rows", "removed", "share", "others", "effect",
    "threshold", "alarm", "few", "said"}, worst first; a column is {"by", "column", "kind",
    "effect", "threshold", "alarm", "said"}.
    """
    slices: list[dict[str, Any]] = []
    columns: list[dict[str, Any]] = []
    lacking: list[dict[str, str]] = []
    for part in parts:
        if part.rows.num_rows and part.kept.num_rows:
            for name in spec.slices:
                slices += _slice(name, part, spec.columns[name])
            for finding, lack in _columns(spec, part):
                columns += [finding] if finding else []
                lacking += [lack] if lack else []
        elif part.rows.num_rows:
            why = f"no row was kept, {counted(part.rows.num_rows, 'row')} removed"
            lacking.append({"what": f"selection bias of {part.by}", "why": why})
    tests = max(len(slices) + len(columns), 1)
    for entry in (*slices, *columns):
        chance = entry.pop("chance")(spec.false_alarm_rate / tests)
        entry["threshold"] = float(f"{max(chance, spec.smallest.selection):.4g}")
        entry["alarm"] = abs(entry["effect"]) > entry["threshold"] and not entry.get("few")
        entry["effect"] = float(f"{entry['effect']:.4g}")
    slices.sort(key=lambda e: (e["by"], e["slice"], e["few"], -e["effect"], e["value"]))
    columns.sort(key=lambda e: (e["by"], -e["effect"], e["column"]))
    return slices, columns, lacking


def _slice(name: str, part: Removed, column: Column) -> Iterator[dict[str, Any]]:
    labels, removed, kept = _labels(part.rows.column(name), part.kept.column(name), column)
    all_rows = part.rows.num_rows + part.kept.num_rows
    for place, label in enumerate(labels):
        rows = int(removed[place] + kept[place])
        rest = all_rows - rows
        share = removed[place] / rows
        others = (part.rows.num_rows - removed[place]) / rest if rest else share
        few = min(rows, rest) < FEW
        said = (
            f"of {counted(rows, 'row')} with {name} {label} {part.by} removed {percent(share)}, "
            f"of all others {percent(others)}"
        )
        yield {
            "by": part.by,
            "slice": name,
            "value": label,
            "rows": rows,
            "removed": int(removed[place]),
            "share": float(share),
            "others": float(others),
            "effect": float(effects.cohens_h(share, others)),
            "chance": _chance_of_h(rows, rest),
            "few": few,
            "said": said + (": too few rows to judge" if few else ""),
        }


def _labels(
    removed: pa.ChunkedArray, kept: pa.ChunkedArray, column: Column
) -> tuple[list[str], Any, Any]:
    """Return the values of a slice, with removed and kept rows of each; the rarest combined."""
    texts, _, codes = levels_of(_as_text(removed, kept, column))
    codes = np.where(codes < 0, len(texts), codes)
    labels = [quoted(text) if kind_of(column.type) != "numeric" else text for text in texts]
    labels.append(MISSING)
    if len(texts) > MOST_SLICES:
        codes = np.where(codes == len(texts), MOST_SLICES + 1, np.minimum(codes, MOST_SLICES))
        labels = [*labels[:MOST_SLICES], f"(any of {len(texts) - MOST_SLICES:,} others)", MISSING]
    first = np.bincount(codes[: len(removed)], minlength=len(labels))
    second = np.bincount(codes[len(removed) :], minlength=len(labels))
    used = np.flatnonzero(first + second)
    return [labels[place] for place in used], first[used], second[used]


def _as_text(removed: pa.ChunkedArray, kept: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Return a slice's values as text; numbers with many values as equally filled ranges."""
    both = pa.chunked_array([*removed.chunks, *kept.chunks], kept.type)
    if kind_of(column.type) != "numeric":
        return both
    values = arrays.numbers(both)
    finite = np.sort(values[np.isfinite(values)])
    distinct = np.unique(finite)
    if len(distinct) <= MOST_SLICES:
        texts = [number(value) for value in values]
        return pa.chunked_array([pa.array(texts, mask=np.isnan(values))])
    places = np.linspace(0, len(finite) - 1, SLICE_BINS + 1).astype(np.int64)[1:-1]
    edges = np.unique(finite[places])
    names = [f"up to {number(edges[0])}"]
    names += [f"above {number(edge)}" for edge in edges]
    names[1:-1] = [f"above {number(low)} up to {number(high)}" for low, high in pairwise(edges)]
    bins = np.searchsorted(edges, values, side="left")
    return pa.chunked_array([pa.array(names).take(pa.array(bins, mask=np.isnan(values)))])


def _columns(
    spec: ReportSpec, part: Removed
) -> Iterator[tuple[dict[str, Any] | None, dict[str, str] | None]]:
    for name, column in spec.columns.items():
        what = f"selection bias of {part.by} on {name}"
        if name in spec.skipped:
            continue
        if part.by == LABELS and name in spec.labels:
            continue
        if part.by == "filters" and name in spec.read_by_filters:
            yield None, {"what": what, "why": "a filter reads the column: it differs by design"}
            continue
        removed, kept = part.rows.column(name), part.kept.column(name)
        distance, values = _distance(removed, kept, column)
        if distance is None:
            few = f"{counted(values, 'removed row')} with a value, wanted at least {FEW}"
            yield None, {"what": what, "why": few}
            continue
        said = (
            "the column is sensitive: values are not shown"
            if column.sensitive
            else distance["said"]
        )
        yield {**distance, "by": part.by, "column": name, "said": said}, None


def _distance(
    removed: pa.ChunkedArray, kept: pa.ChunkedArray, column: Column
) -> tuple[dict[str, Any] | None, int]:
    """Return how removed rows differ from kept ones, or None, and the removed rows' values."""
    if kind_of(column.type) == "numeric":
        gone, stayed = arrays.numbers(removed), arrays.numbers(kept)
        gone, stayed = gone[~np.isnan(gone)], stayed[~np.isnan(stayed)]
        # Bins need not be exact, but every row is counted.
        edges = np.array(edges_of(stayed[:: len(stayed) // SAMPLE + 1]))
        if min(len(gone), len(stayed)) < FEW or not len(edges):
            return None, len(gone)
        bins = len(edges) + 1
        first, second = (
            np.bincount(np.searchsorted(edges, v), minlength=bins).astype(np.float64)
            for v in (gone, stayed)
        )
        middle = [number(float(np.partition(v, len(v) // 2)[len(v) // 2])) for v in (gone, stayed)]
        said = f"the median is {middle[0]} in removed rows, {middle[1]} in kept ones"
        effect = float(effects.kolmogorov_smirnov(first, second))
        chance = _chance_of_numbers(len(gone), len(stayed))
        distance: dict[str, Any] = {"kind": "numeric", "effect": effect, "said": said}
        return {**distance, "chance": chance}, len(gone)
    return _of_levels(removed, kept)


def _of_levels(
    removed: pa.ChunkedArray, kept: pa.ChunkedArray
) -> tuple[dict[str, Any] | None, int]:
    both = pa.chunked_array([*removed.chunks, *kept.chunks], kept.type)
    texts, _, codes = levels_of(both)
    codes = np.minimum(codes, MOST_SLICES)
    gone, stayed = codes[: len(removed)], codes[len(removed) :]
    gone, stayed = gone[gone >= 0], stayed[stayed >= 0]
    if min(len(gone), len(stayed)) < FEW:
        return None, len(gone)
    bins = min(len(texts), MOST_SLICES + 1)
    first, second = (np.bincount(v, minlength=bins).astype(np.float64) for v in (gone, stayed))
    gap = effects.shares(first) - effects.shares(second)
    place = int(np.argmax(gap))
    label = quoted(texts[place]) if place < MOST_SLICES else "any of the rarer values"
    said = (
        f"{label} is {percent(float(effects.shares(first)[place]))} of removed rows, "
        f"{percent(float(effects.shares(second)[place]))} of kept ones"
    )
    effect = float(effects.total_variation(first, second))
    chance = _chance_of_levels(len(gone), len(stayed), bins)
    return {"kind": "categorical", "effect": effect, "said": said, "chance": chance}, len(gone)


def _chance_of_h(rows: int, rest: int) -> Any:
    error = math.sqrt(1 / rows + 1 / max(rest, 1))
    return lambda rate: NormalDist().inv_cdf(1 - rate / 2) * error


def _chance_of_numbers(removed: int, kept: int) -> Any:
    def limit(rate: float) -> float:
        return sum(math.sqrt(math.log(4 / rate) / (2 * rows)) for rows in (removed, kept))

    return limit


def _chance_of_levels(removed: int, kept: int, levels: int) -> Any:
    def limit(rate: float) -> float:
        spread = levels * math.log(2) + math.log(2 / rate)
        return sum(math.sqrt(spread / (2 * rows)) for rows in (removed, kept))

    return limit
