"""The plots of a replay: losses of each model on each later batch, and what each policy costs.

Belongs here: drawing, always the same bytes for the same numbers. Does not belong here: the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.stages.evaluate.drawing import BAND, INK, MAIN, OTHER, Plot, drawn, in_unit
from ml_assets.stages.quality.words import number

Document = Mapping[str, Any]
MOST = 14
"""Rows or columns from which numbers no longer fit into their cells."""


def plots(document: Document) -> list[Plot]:
    """Return the plots of a replay's document."""
    return [_matrix(document), _costs(document)]


def _matrix(document: Document) -> Plot:
    """Draw how much more each model lost on each later batch than the newest one before it."""
    shown = [one for one in document["models"] if one["losses"]]
    batches = list(dict.fromkeys(batch for one in shown for batch in one["losses"]))
    newest = {
        batch: next(o["losses"][batch]["mean"] for o in shown[::-1] if batch in o["losses"])
        for batch in batches
    }
    cells = [
        (row, column, one["losses"][batch]["mean"] / newest[batch] - 1.0)
        for row, one in enumerate(shown)
        for column, batch in enumerate(batches)
        if batch in one["losses"] and newest[batch] and one["losses"][batch]["mean"] is not None
    ]

    def paint(axes: Any) -> None:
        from matplotlib.patches import Rectangle

        most = max((abs(value) for *_, value in cells), default=0.0) or 1.0
        for row, column, value in cells:
            place, colour = (column - 0.5, row - 0.5), MAIN if value > 0 else OTHER
            axes.add_patch(
                Rectangle(place, 1, 1, facecolor=colour, alpha=0.85 * abs(value) / most, lw=0)
            )
            if max(len(shown), len(batches)) <= MOST:
                text = f"{100 * value:+.0f}%" if abs(value) >= 0.005 else "0"
                axes.text(column, row, text, ha="center", va="center", fontsize=7, color=INK)
        axes.set_xlim(-0.5, len(batches) - 0.5)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        _ticks(axes.set_xticks, batches, rotation=45)
        _ticks(axes.set_yticks, [one["trained_up_to"] for one in shown])
        axes.grid(visible=False)
        axes.set_ylabel("trained up to", fontsize=8)

    return drawn(
        "losses",
        f"{document['metric']} against that of the newest model, by batch",
        "Each row is a model, each column a later batch; the numbers are in the table.",
        paint,
    )


def _ticks(put: Any, names: list[str], **options: Any) -> None:
    step = -(-len(names) // MOST)
    put(range(0, len(names), step), names[::step], fontsize=7, **options)


def _costs(document: Document) -> Plot:
    """Draw each policy's cost above that of the best in hindsight: of losses, and of trainings."""
    rows = document["policies"][::-1]
    best = min(row["loss"] for row in rows)

    def paint(axes: Any) -> None:
        loss = [row["loss"] - best for row in rows]
        price = [document["price"] * row["trainings"] for row in rows]
        axes.barh(range(len(rows)), loss, color=MAIN, height=0.62, label="loss above the least")
        axes.barh(
            range(len(rows)), price, left=loss, color=BAND, height=0.62, label="price of trainings"
        )
        for place, row in enumerate(rows):
            text = f" {number(row['loss'] - best + document['price'] * row['trainings'])}"
            axes.text(loss[place] + price[place], place, text, va="center", fontsize=7, color=INK)
        axes.set_yticks(range(len(rows)), [row["name"] for row in rows], fontsize=7)
        axes.set_xlim(0, 1.25 * max(a + b for a, b in zip(loss, price, strict=True)) or 1.0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"sum over all rows{in_unit(document['unit'])}")
        axes.figure.subplots_adjust(left=0.27)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.3, 1), ncol=2, borderaxespad=0.2)

    listed = "; ".join(f"{row['name']}: {number(row['cost'])}" for row in document["policies"])
    return drawn("costs", "What each policy costs", f"Costs: {listed}.", paint)
