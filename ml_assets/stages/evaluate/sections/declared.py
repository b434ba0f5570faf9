"""Section: the metric by declared slice, with the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from ml_assets.stages import metrics as standard
from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.section import Line, ReportTable, Section, TableCell, Text, View
from ml_assets.stages.evaluate.slices import FEW_ROWS
from ml_assets.stages.evaluate.words import number

NAME = "slices"
_SHOWN = 12
"""Lines of a slice that are always visible; the rest are collapsed."""


def show(view: View) -> Section | None:
    """Return a table for each declared slice, worst first."""
    if not view.metrics["slices"]:
        return None
    metric = view.spec.metric
    tables = []
    for name, group in groupby(view.metrics["slices"], key=lambda entry: entry["slice"]):
        entries = list(group)
        largest = max((abs(e["metrics"][metric] or 0.0) for e in entries), default=0.0) or 1.0
        body = [_line(metric, entry, largest) for entry in entries]
        head = [name, "Rows", words.title(metric)]
        head += [f"{words.level(view.metrics['level'])} interval", "Baseline"]
        tables.append(ReportTable(f"Slices by {name}", head, body[:_SHOWN], title=f"By {name}"))
        if body[_SHOWN:]:
            folded = f"{len(body) - _SHOWN} more"
            tables.append(ReportTable(f"More slices by {name}", head, body[_SHOWN:], folded=folded))
    text = (
        f"How well does the model work for whom? By {words.name(metric)} on test, worst first. "
        f"Values with fewer than {FEW_ROWS} rows come last and are marked: their figures say "
        "little."
    )
    return Section(NAME, "Declared slices", text, tables)


def _line(metric: str, entry: Mapping[str, Any], largest: float) -> Line:
    value, base = entry["metrics"][metric], entry["baseline"]
    comparable = value is not None and base is not None and not entry["few"]
    tags = [("few rows", "warn")] if entry["few"] else []
    if comparable and not standard.is_better(metric, value, base):
        tags.append(("not better than baseline", "warn"))
    width = round(max(value or 0.0, 0.0) / largest * 100, 1)
    cells: list[Text] = [
        TableCell(entry["value"], tags),
        f"{entry['rows']:,}",
        TableCell(number(value), bar=width),
        words.span(entry["interval"]),
        number(base),
    ]
    return Line(cells, "few" if entry["few"] else "")
