"""Section: the worst slices, searched among features, declared slices and pairs of them.

Each slice is compared with all other rows by mean loss. The standard error is that of the
difference over the block-bootstrap draws, which allows for dependence within a day; the
p-value is one-sided (worse than the rest) from the normal distribution (Efron and Tibshirani,
1993, ch. 12). Holm's correction (1979) over all searched slices keeps the chance of even one
false alarm below 5 %, however the slices overlap.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import erfc, sqrt
from typing import Any

import numpy as np

from ml_assets.stages.evaluate import slices, words
from ml_assets.stages.evaluate.bootstrap import Draws, interval
from ml_assets.stages.evaluate.section import (
    Line,
    ReportTable,
    Section,
    Study,
    TableCell,
    View,
    nothing,
)
from ml_assets.stages.evaluate.words import number

NAME = "worst"
TITLE = "Worst slices found"
LEVEL = 0.05
MOST_SHOWN = 10
MOST_KEPT = 50
PAIRED = 4
"""Features, by gain in training, that are also searched in pairs with the declared slices."""


def measure(study: Study) -> dict[str, Any]:
    """Return the slices significantly worse than the rest, worst first, and how many were searched.

    At least 100 rows inside and outside; sensitive features are left out.
    """
    rows = study.rows.sampled
    loss, draws = study.loss[study.rows.place], study.draws.of(study.rows.place)
    columns = {name: rows[name] for name in rows.column_names}
    coded = {name: slices.groups(column) for name, column in columns.items()}
    declared = [name for name in study.spec.evaluation.slices if name in coded]
    gains = {name: gain for name, gain in study.gains.items() if name in coded and gain > 0}
    main = sorted(gains, key=lambda name: (-gains[name], name))[:PAIRED]
    paired = list(dict.fromkeys([*declared, *main]))
    entries, few = [], 0
    for names in [*((name,) for name in coded), *combinations(paired, 2)]:
        labels, group = _crossed([coded[name] for name in names])
        scored = _scored(loss, draws, group, len(labels))
        for label, entry in zip(labels, scored, strict=True):
            if entry is None:
                few += 1
            elif not any(part.endswith(slices.OTHERS) for part in label):
                entries.append({"where": dict(zip(names, label, strict=True)), **entry})
    level, kept = study.spec.evaluation.intervals.level, _kept(_holm(entries))
    surely = [
        {**entry, "interval": interval(entry["interval"], level)} for entry in kept[:MOST_KEPT]
    ]
    return {
        "searched": len(entries),
        "few": few,
        "columns": len(coded),
        "paired": paired,
        "rows": len(loss),
        "of": len(study.loss),
        "found": len(kept),
        "worst": surely,
    }


def _crossed(parts: list[tuple[list[str], Any]]) -> tuple[list[tuple[str, ...]], Any]:
    """Return the labels of each slice, one slice per column, and each row's slice."""
    if len(parts) == 1:
        return [(label,) for label in parts[0][0]], parts[0][1]
    (first, one), (second, two) = parts
    both, group = np.unique(one * len(second) + two, return_inverse=True)
    labels: list[tuple[str, ...]] = [
        (first[at // len(second)], second[at % len(second)]) for at in both.tolist()
    ]
    return labels, group


def _scored(loss: Any, draws: Draws, group: Any, count: int) -> list[dict[str, Any] | None]:
    """Return each slice's mean loss and the rest's; None if either has too few rows.

    Rows from fewer than `slices.FEW_BLOCKS` blocks are also too few.
    """
    rows = np.bincount(group, minlength=count)
    total = np.bincount(group, loss, minlength=count)
    cells = np.bincount(draws.block * count + group, minlength=draws.counts.shape[1] * count)
    blocks = (cells.reshape(-1, count) > 0).sum(axis=0)
    enough = (
        (blocks >= slices.FEW_BLOCKS)
        & (rows >= slices.FEW_ROWS)
        & (len(loss) - rows >= slices.FEW_ROWS)
    )
    if not enough.any():
        return [None] * count
    drawn_rows, drawn = draws.sums(None, group, count), draws.sums(loss, group, count)
    all_rows, all_loss = drawn_rows.sum(axis=1)[:, None], drawn.sum(axis=1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = drawn / drawn_rows - (all_loss - drawn) / (all_rows - drawn_rows)
    entries: list[dict[str, Any] | None] = [None] * count
    for place in np.flatnonzero(enough):
        part = spread[:, place]
        part = part[np.isfinite(part)]
        if len(part) * 2 < len(drawn):
            continue
        mean = total[place] / rows[place]
        others = (total.sum() - total[place]) / (len(loss) - rows[place])
        error, more = float(part.std()), float(mean - others)
        entries[place] = {
            "rows": int(rows[place]),
            "loss": float(mean),
            "rest": float(others),
            "more": more,
            "p": 0.5 * erfc(more / error / sqrt(2.0)) if error > 0 else float(more <= 0),
            "interval": part,
        }
    return entries


def _holm(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries with `adjusted`, their p-value after Holm's correction."""
    order = sorted(range(len(entries)), key=lambda place: entries[place]["p"])
    adjusted, reached = [0.0] * len(entries), 0.0
    for rank, place in enumerate(order):
        reached = max(reached, min(entries[place]["p"] * (len(entries) - rank), 1.0))
        adjusted[place] = reached
    return [{**entry, "adjusted": p} for entry, p in zip(entries, adjusted, strict=True)]


def _kept(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return significantly worse slices, worst first; a pair only if worse than both its parts."""
    sure = [entry for entry in entries if entry["adjusted"] < LEVEL]
    alone = {next(iter(e["where"].items())): e["more"] for e in sure if len(e["where"]) == 1}
    kept = [
        entry
        for entry in sure
        if len(entry["where"]) == 1
        or entry["more"] > max(alone.get(part, 0.0) for part in entry["where"].items())
    ]
    return sorted(kept, key=lambda entry: (-entry["more"], str(entry["where"])))


def named(where: Mapping[str, str]) -> str:
    """Return a slice in words.

    >>> named({"origin": "JFK", "carrier": "AA"})
    'origin: JFK, carrier: AA'
    """
    return ", ".join(f"{name}: {value}" for name, value in where.items())


def show(view: View) -> Section:
    """Return the worst slices, how many were searched, and with which correction."""
    measured = view.sections[NAME]
    if not measured["searched"]:
        return nothing(NAME, TITLE, f"no slice has {slices.FEW_ROWS} rows inside and outside")
    worst = measured["worst"]
    what, level = words.loss(view.spec.metric), words.level(view.metrics["level"])
    unit = words.loss_unit(view.spec.metric, view.spec.target_unit)
    searched = f"{measured['searched']:,} slices of at least {slices.FEW_ROWS} rows were compared "
    searched += f"with the rest by mean {what}{f' ({unit})' if unit else ''}"
    searched += f": each value or range of {measured['columns']:,} features and declared slices"
    if len(measured["paired"]) > 1:
        searched += f", and pairs of {', '.join(measured['paired'])}"
    verdict = f"{measured['found']:,} of them are" if measured["found"] != 1 else "One of them is"
    text = f"{searched}. {verdict} worse than the rest by more than chance."
    notes = [
        f"Significant at {LEVEL:.0%} after Holm's correction for all {measured['searched']:,} "
        "comparisons; standard errors from the block bootstrap. A pair is listed only if it is "
        "worse than each of its parts. A slice may be worse because its rows are harder to "
        "predict for any model."
    ]
    if measured["few"]:
        notes.append(f"{measured['few']:,} more had too few rows, or too few days, to be compared.")
    if measured["rows"] < measured["of"]:
        notes.append(f"Searched on {measured['rows']:,} of {measured['of']:,} evenly spaced rows.")
    tables = [_table(worst[:MOST_SHOWN], level)] if worst else []
    if len(worst) > MOST_SHOWN:
        more = _table(worst[MOST_SHOWN:], level)
        tables.append(ReportTable(more.label, more.head, more.lines, folded="More of them"))
    return Section(NAME, TITLE, text, tables, (), notes)


def _table(entries: list[dict[str, Any]], level: str) -> ReportTable:
    most = max(entry["more"] for entry in entries)
    body = [
        Line(
            [
                named(entry["where"]),
                f"{entry['rows']:,}",
                number(entry["loss"]),
                number(entry["rest"]),
                TableCell(number(entry["more"]), bar=round(entry["more"] / most * 100, 1)),
                words.span(entry["interval"]),
                "< 0.0001" if entry["adjusted"] < 0.0001 else f"{entry['adjusted']:.4f}",
            ]
        )
        for entry in entries
    ]
    head = ["Slice", "Rows", "Loss", "Rest", "More", f"{level} interval", "Adjusted p"]
    return ReportTable("Worst slices", head, body)
