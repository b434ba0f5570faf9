"""The section of the evaluation report on protected groups.

Belongs here: words and tables. Does not belong here: figures (`protected`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.protected import names, shown
from ml_assets.stages.evaluate.section import Line, ReportTable, Section, TableCell, Text
from ml_assets.stages.evaluate.slices import FEW_ROWS
from ml_assets.stages.evaluate.words import number, span

NAME = "protected"


def show(document: Mapping[str, Any]) -> Section:
    """Return the section: a table for each protected column."""
    level = words.level(document["level"])
    text = (
        "Whom does the model select, and how well does it work for whom? Selected is the share of "
        "rows that reach the threshold, true (false) positive that of rows whose target is true "
        f"(false). Groups of fewer than {FEW_ROWS} rows are not compared. In brackets the {level} "
        "intervals."
    )
    return Section(
        NAME, "Protected groups", text, [_table(document, c) for c in document["columns"]]
    )


def _table(document: Mapping[str, Any], column: Mapping[str, Any]) -> ReportTable:
    kinds = names(column)
    head = [column["column"], "Rows", *(shown(name, document["metric"]) for name in kinds)]
    lines = [
        Line(
            [
                TableCell(entry["group"], [("few rows", "warn")] if entry["few"] else []),
                f"{entry['rows']:,}",
                *(_said(entry["values"][name]) for name in kinds),
            ],
            "few" if entry["few"] else "",
        )
        for entry in column["groups"]
    ]
    if column["apart"]:
        cells: list[Text] = ["largest difference", ""]
        lines.append(Line([*cells, *(_said(column["apart"].get(name)) for name in kinds)]))
    return ReportTable(f"By {column['column']}", head, lines, title=f"By {column['column']}")


def _said(entry: Mapping[str, Any] | None) -> str:
    """Return a figure with its interval.

    >>> _said({"value": 0.5, "low": 0.25, "high": 0.75})
    '0.5000 (0.2500 to 0.7500)'
    """
    if entry is None or entry["low"] is None:
        return number(None if entry is None else entry["value"])
    return f"{number(entry['value'])} ({span([entry['low'], entry['high']])})"
