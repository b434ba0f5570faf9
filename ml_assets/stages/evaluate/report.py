"""The evaluation report as one offline HTML page, and its plots.

Belongs here: assembling the sections; the template escapes everything. Does not belong here:
figures, the text of a section (`sections/`), structure and style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ml_assets.stages.evaluate import coverage_page, protected_page
from ml_assets.stages.evaluate.registry import SECTIONS
from ml_assets.stages.evaluate.section import Line, ReportTable, Section, TableCell, Text, View
from ml_assets.stages.evaluate.sections import calibration
from ml_assets.stages.evaluate.style import STYLE
from ml_assets.stages.evaluate.template import PAGE
from ml_assets.stages.evaluate.verdict import headline, verdict
from ml_assets.stages.html import rendered
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.model import ReportSpec
    from ml_assets.stages.result import Handle


def report(
    spec: ReportSpec,
    *,
    metrics: Handle,
    sections: Handle,
    explained: Handle,
    optimism: Handle,
    change: Handle,
    train: Handle,
    validation: Handle,
    test: Handle,
    coverage: Handle | None = None,
    protected: Handle | None = None,
) -> Result:
    """Return `report` (HTML bytes) and `plots` (JSON: name, title, svg, text of each).

    `coverage` is that of prediction intervals, `protected` compares protected groups, if there are
    any. Each plot is a whole SVG file on white, for pages that show pictures.
    """
    folds = {"train": train.table(), "validation": validation.table(), "test": test.table()}
    view = View(
        spec,
        metrics.json(),
        sections.json(),
        explained.json(),
        optimism.json(),
        change.json(),
        folds,
        spec.candidate,
    )
    shown = {name: entry.show(view) for name, entry in SECTIONS.items()}
    parts = [part for part in shown.values() if part is not None]
    if coverage is not None:
        # Not among the sections: they are measured where every candidate is evaluated.
        place = 1 + next(n for n, part in enumerate(parts) if part.name == calibration.NAME)
        parts.insert(place, coverage_page.show(coverage.json(), spec.target_unit))
    if protected is not None:
        parts.append(protected_page.show(protected.json()))
    content = _page(view, parts, spec.dummy)
    plots: list[Any] = [
        {"name": plot.name, "title": plot.title, "svg": plot.file(), "text": plot.text}
        for part in parts
        for plot in part.plots
    ]
    return Result({"report": content, "plots": plots}, {"bytes": len(content)})


def _page(view: View, parts: Sequence[Section], dummy: bool) -> bytes:
    shown = {
        "style": STYLE,
        "model": view.spec.model,
        "description": view.spec.description,
        "predict_at": view.spec.predict_at,
        "dummy": dummy,
        "verdict": verdict(view.spec, view.metrics),
        "headline": headline(view.spec, view.metrics),
        "sections": [replace(part, tables=[_celled(t) for t in part.tables]) for part in parts],
    }
    return rendered(PAGE, shown)


def _celled(table: ReportTable) -> ReportTable:
    """Return a table of cells only."""
    return replace(table, lines=[Line([_cell(c) for c in x.cells], x.mood) for x in table.lines])


def _cell(text: Text) -> TableCell:
    return text if isinstance(text, TableCell) else TableCell(text)
