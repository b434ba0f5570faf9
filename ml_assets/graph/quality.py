"""A quality report as Dagster's page shows it."""

from __future__ import annotations

import html
import re
from typing import Any

import dagster as dg

from ml_assets.store.home import Home
from ml_assets.store.records import Current


def quality_metadata(home: Home, current: Current) -> dict[str, Any]:
    """Return the report inline, its file, and the figures that are plotted over batches."""
    said = current.facts["quality"]
    lines = ["| | | |", "| --- | --- | --- |"]
    lines += [f"| **{title}** | {word} | {_cell(text)} |" for title, word, text in said["verdicts"]]
    lines += ["", "| column | of | effect | limit | |", "| --- | --- | ---: | ---: | --- |"]
    lines += [
        f"| {_cell(column)} | {kind} | {effect} | {limit} | {'**drift**' if alarm else ''} |"
        for column, kind, effect, limit, alarm in said["drift"]
    ]
    return {
        "report": dg.MetadataValue.md("\n".join(lines)),
        "report_file": dg.MetadataValue.path(
            str(home.objects.path(current.outputs["report"].digest))
        ),
        **said["numbers"],
    }


def _cell(text: str) -> str:
    """Return a text as it stands in a cell of a Markdown table, without any markup of its own."""
    escaped = html.escape(text, quote=False)
    return re.sub(r"([\\`*_\[\]|!])", r"\\\1", escaped).replace("\n", " ")
