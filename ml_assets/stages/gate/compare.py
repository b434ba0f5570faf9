"""Candidate against champion on the same rows: figures, a confidence limit, slices.

Belongs here: statistics. Does not belong here: which rows (`rows`, `seen`), what they decide
(`rules`).

"Not worse by more than a margin" is a test of non-inferiority: passed if the one-sided upper
confidence limit of the difference is within the margin (Wellek, "Testing Statistical Hypotheses
of Equivalence and Noninferiority", 2010, ch. 2). The limit is a percentile of the paired block
bootstrap, expanded for few blocks (Hesterberg, "What Teachers Should Know About the Bootstrap",
The American Statistician 69, 2015, §5.3). Slices are tested the other way round: refused is one
that is shown to be worse by more than its margin, by a t-test with the bootstrap's standard error,
Holm's correction over all of them (Holm, Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages import metrics as standard
from ml_assets.stages.evaluate import bootstrap, slices
from ml_assets.stages.paired.rows import Ints, Mask, PairedRows
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.gate import DecideSpec, Margin, NotWorse, Slices


def blocks(kind: str, rows: PairedRows, kept: Mask) -> tuple[Ints, str]:
    """Return each kept row's block (kept rows,), numbered from 0, and the kind of block.

    Each row without an event time is its own block.
    """
    if kind == "batch":
        named = rows.batch[kept]
    elif kind == "group" and rows.group is not None:
        named = rows.group.combine_chunks().dictionary_encode().indices.to_numpy()[kept]
    else:
        day = rows.time[kept].astype("datetime64[D]")
        known = ~np.isnat(day)
        if kind == "row" or not known.any():
            return np.arange(int(kept.sum())), "row"
        named = day.astype(np.int64)
        named[~known] = named[known].max() + 1 + np.arange(int((~known).sum()))
    return np.unique(named, return_inverse=True)[1].astype(np.int64), kind


def allowed(margin: Margin, champion: float) -> float:
    """Return a margin in the metric's unit."""
    if isinstance(margin, str):
        return abs(champion) * float(margin[:-1]) / 100.0
    return float(margin)


def measured(metric: str, task: str, target: Array, prediction: Array, at: float) -> float | None:
    """Return the metric, None if it has no value on these rows."""
    if standard.why_undefined(metric, target) is not None:
        return None
    return standard.function(task, metric, at)(target, prediction)


def worse_by(metric: str, candidate: Any, champion: Any) -> Any:
    """Return how much worse the candidate is: positive is worse, for every metric."""
    if standard.greater_is_better(metric):
        return champion - candidate
    return candidate - champion


def pair(spec: DecideSpec, rows: PairedRows, kept: Mask) -> dict[str, Any]:
    """Return rows and the metric of both models on some of the rows; `kept` is a mask (n,)."""
    assert rows.other is not None
    target = rows.target[kept]
    ours, theirs = rows.at
    candidate = measured(spec.metric, spec.task, target, rows.candidate[kept], ours)
    champion = measured(spec.metric, spec.task, target, rows.other[kept], theirs)
    return {"rows": len(target), "candidate": candidate, "champion": champion}


def overall(
    spec: DecideSpec, rows: PairedRows, kept: Mask, draws: bootstrap.Draws
) -> dict[str, Any]:
    """Return the figures on the kept rows, with the upper limit of how much worse it may be.

    `worse`, `low`, `limit` and `margin` are in the metric's unit; above 0 is worse. The two-sided
    interval from `low` to `limit` has level 2 * confidence - 1. `limit` is None where the metric
    has no distribution.
    """
    assert rows.other is not None
    rule = spec.gate.not_worse
    figures = pair(spec, rows, kept) | {"worse": None, "low": None, "limit": None, "margin": None}
    if figures["candidate"] is None:
        return figures
    whole = np.zeros(int(kept.sum()), dtype=np.int64)
    spread = _worse(spec.metric, rows, kept, draws, whole, 1)[:, 0]
    level = expanded(rule.confidence, draws.counts.shape[1])
    low, limit = bootstrap.interval(spread, level) or (None, None)
    return figures | {
        "worse": worse_by(spec.metric, figures["candidate"], figures["champion"]),
        "low": low,
        "limit": limit,
        "margin": allowed(rule.margin, figures["champion"]),
        "confidence": rule.confidence,
        "blocks": draws.counts.shape[1],
        "bootstrap": draws.note,
    }


def expanded(confidence: float, count: int) -> float:
    """Return the two-sided level whose ends are one-sided limits, expanded for few blocks."""
    from scipy import special

    spread = np.sqrt(count / (count - 1)) * special.stdtrit(count - 1, confidence)
    return float(1.0 - 2.0 * special.ndtr(-spread))


def shown(spec: DecideSpec) -> tuple[str, ...]:
    """Return the slices whose values may be shown."""
    return tuple(name for name in spec.slices if name not in spec.sensitive)


def by_slice(
    spec: DecideSpec, rule: Slices, rows: PairedRows, kept: Mask, draws: bootstrap.Draws
) -> list[dict[str, Any]]:
    """Return one entry per value of a slice: figures, p by t-test, p after Holm, `worse_shown`.

    Values with too few rows or blocks are listed with `judged` false, and `why`; values that may
    not be shown are omitted.
    """
    entries = []
    for name in shown(spec):
        labels, code = slices.groups(rows.slices[name].filter(pa.array(kept)))
        spread = _worse(spec.metric, rows, kept, draws, code, len(labels))
        for number, label in enumerate(labels):
            part = kept.copy()
            part[kept] = code == number
            entry = {"slice": name, "value": label, **pair(spec, rows, part)}
            seen = np.unique(draws.block[code == number]).size
            entries.append(entry | _tested(spec, rule, entry, spread[:, number], seen))
    _holm(entries, 1.0 - rule.confidence)
    return sorted(entries, key=lambda e: (not e["judged"], -(e["worse"] or 0.0), e["value"]))


def _tested(
    spec: DecideSpec, rule: Slices, entry: Mapping[str, Any], spread: Array, count: int
) -> dict[str, Any]:
    from scipy import special

    figures: dict[str, Any] = {"worse": None, "margin": None, "p": None, "judged": False}
    if entry["candidate"] is None:
        return figures | {"why": f"{spec.metric} has no value"}
    figures["worse"] = worse_by(spec.metric, entry["candidate"], entry["champion"])
    figures["margin"] = allowed(rule.margin, entry["champion"])
    spread = spread[np.isfinite(spread)]
    least = spec.gate.not_worse.min_blocks
    if entry["rows"] < rule.min_rows:
        return figures | {"why": f"{entry['rows']:,} rows, wanted at least {rule.min_rows:,}"}
    if count < least or len(spread) < 2:
        return figures | {"why": f"{count:,} blocks, wanted at least {least:,}"}
    beyond, error = figures["worse"] - figures["margin"], float(spread.std(ddof=1))
    error *= np.sqrt(count / (count - 1))
    figures["p"] = float(special.stdtr(count - 1, -beyond / error)) if error else float(beyond <= 0)
    return figures | {"judged": True, "why": ""}


def _holm(entries: Sequence[dict[str, Any]], alpha: float) -> None:
    """Add `holm` (the p-value after Holm's correction) and `worse_shown` to judged entries."""
    judged = sorted((e for e in entries if e["judged"]), key=lambda e: e["p"])
    largest = 0.0
    for number, entry in enumerate(judged):
        largest = max(largest, min(1.0, entry["p"] * (len(judged) - number)))
        entry |= {"holm": largest, "worse_shown": largest <= alpha}
    for entry in entries:
        if not entry["judged"]:
            entry |= {"holm": None, "worse_shown": False}


def _worse(
    metric: str, rows: PairedRows, kept: Mask, draws: bootstrap.Draws, group: Ints, groups: int
) -> Array:
    """Return by draw and group of rows how much worse the candidate is: (draws, groups)."""
    assert rows.other is not None
    target = rows.target[kept]
    ours, theirs = (
        bootstrap.distribution(metric, target, prediction[kept], draws, group, groups, at)
        for prediction, at in zip((rows.candidate, rows.other), rows.at, strict=True)
    )
    return np.asarray(worse_by(metric, ours, theirs), dtype=np.float64)


def draw(
    rule: NotWorse, rows: PairedRows, kept: Mask, seed: int
) -> tuple[bootstrap.Draws | None, str]:
    """Return draws of the blocks of kept rows, or None and the reason if there are too few."""
    block, unit = blocks(rule.block, rows, kept)
    count = int(block.max()) + 1 if len(block) else 0
    if count < rule.min_blocks:
        return None, f"blocks of one {unit}: {count}, wanted at least {rule.min_blocks}"
    return bootstrap.drawn(block, unit, rule.resamples, seed), ""
