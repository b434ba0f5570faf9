"""The batches before on a monitoring report: the figures that are followed, as plots and a table.

Belongs here: choosing and drawing them. Does not belong here: alarms over batches, which look at
all batches there ever were (`alarms`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ml_assets.stages.quality.words import number, percent

Known = Mapping[str, Any]
Values = Sequence[float | None]
WIDTH, HEIGHT, LEFT, TOP, BELOW = 460, 150, 58, 10, 24
SPACE = 0.08
"""Of the height, above the largest and below the least value."""
DASH = "\N{EN DASH}"


def history(figures: Sequence[Known]) -> dict[str, Any] | None:
    """Return {"plots": [(title, svg)], "lines": rows of a table}; None without a batch before.

    `figures` are the documents of batches in order, the newest at the end.
    """
    if len(figures) < 2:
        return None
    metric = figures[-1]["metric"]
    batches = [one["batch"] for one in figures]
    true = [_metric(one, metric, "realized") for one in figures]
    before = [_metric(one, metric, "estimated") for one in figures]
    auc = [(one["joint"] or {}).get("auc") for one in figures]
    limit = [(one["joint"] or {}).get("threshold") for one in figures]
    changed = [_changed(one) for one in figures]
    plots: tuple[tuple[str, Values, Values], ...] = (
        (f"{metric}: came true, and estimated before (dashed)", true, before),
        ("All inputs together: AUC, and its limit (dashed)", auc, limit),
        ("Inputs that changed", [None if c is None else float(c) for c in changed], []),
    )
    return {
        "plots": [
            (title, plot(title, batches, solid, dashed))
            for title, solid, dashed in plots
            if any(value is not None for value in solid)
        ],
        "lines": [
            [
                one["batch"],
                one["model"],
                f"{one['rows']:,}",
                DASH if count is None else f"{count:,}",
                number(area),
                number(said),
                number(value),
                DASH if one["labels"]["share"] is None else percent(one["labels"]["share"]),
            ]
            for one, count, area, said, value in zip(
                figures, changed, auc, before, true, strict=True
            )
        ][::-1],
    }


def _metric(figures: Known, metric: str, kind: str) -> float | None:
    value: float | None = figures[kind].get(metric, {}).get("value")
    return value


def _changed(figures: Known) -> int | None:
    if not figures["drift"]:
        return None
    return int(sum(entry["over"] for entry in figures["drift"].values()))


def plot(
    title: str,
    batches: Sequence[str],
    solid: Sequence[float | None],
    dashed: Sequence[float | None],
) -> Markup:
    """Return values over batches as an inline picture; `dashed` is drawn beside them, if any."""
    there = [value for value in (*solid, *dashed) if value is not None]
    low, high = min(there), max(there)
    pad = (high - low or abs(high) or 1.0) * SPACE
    low, high = low - pad, high + pad

    def at(place: int, value: float) -> tuple[float, float]:
        across = (WIDTH - LEFT - 10) * place / (len(batches) - 1)
        return LEFT + across, TOP + (HEIGHT - TOP - BELOW) * (high - value) / (high - low)

    points = [at(n, value) for n, value in enumerate(solid) if value is not None]
    lines = _line(at, dashed, Markup(' stroke-dasharray="5 4"')) + _line(at, solid, Markup(""))
    marks = Markup("").join(
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="var(--mark)"/>').format(*point)
        for point in points
    )
    sides = Markup("").join(
        Markup(
            '<text x="{}" y="{:.1f}" text-anchor="end" font-size="12" fill="var(--soft)">{}</text>'
        ).format(LEFT - 8, at(0, value)[1] + 4, number(value))
        for value in sorted({min(there), max(there)})
    )
    ends = Markup("").join(
        Markup(
            '<text x="{}" y="{}" text-anchor="{}" font-size="12" fill="var(--soft)">{}</text>'
        ).format(x, HEIGHT - 6, anchor, batch)
        for x, anchor, batch in ((LEFT, "start", batches[0]), (WIDTH - 10, "end", batches[-1]))
    )
    newest = next((value for value in reversed(solid) if value is not None), None)
    said = f"{title}: from {number(min(there))} to {number(max(there))}, last {number(newest)}"
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<path d="M{} {}H{}" stroke="var(--line)"/>{}{}{}{}</svg>'
    ).format(WIDTH, HEIGHT, said, LEFT, HEIGHT - BELOW, WIDTH - 10, lines, marks, sides, ends)


def _line(at: Any, values: Sequence[float | None], style: Markup) -> Markup:
    """Return a path through values; it is interrupted where there is none."""
    path, there = "", False
    for place, value in enumerate(values):
        if value is None:
            there = False
            continue
        x, y = at(place, value)
        path += f"{'L' if there else 'M'}{x:.1f} {y:.1f}"
        there = True
    if not path:
        return Markup("")
    return Markup('<path d="{}" fill="none" stroke="var(--mark)" stroke-width="2"{}/>').format(
        path, style
    )
