"""A monitoring report as Dagster's page shows it."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ml_assets.engine.markdown import plain
from ml_assets.engine.reports import page
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def monitoring_metadata(home: Home, _: Project, current: Current) -> dict[str, Any]:
    """Return the report inline, its file, and the numbers that are plotted over batches."""
    said = current.facts["monitoring"]
    lines = [f"Predicted by **{said['model']}**.", "", "| | | |", "| --- | --- | --- |"]
    lines += [f"| **{title}** | {word} | {plain(text)} |" for title, word, text in said["verdicts"]]
    lines += ["", "| input | of | effect | limit | |", "| --- | --- | ---: | ---: | --- |"]
    lines += [
        f"| {plain(column)} | {kind} | {effect} | {limit} | {'**changed**' if over else ''} |"
        for column, kind, effect, limit, over in said["drift"]
    ]
    return {
        "report": dg.MetadataValue.md("\n".join(lines)),
        "report_file": dg.MetadataValue.path(str(page(home, current))),
        **said["numbers"],
    }
