"""A quality report as Dagster's page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from ml_assets.engine.markdown import plain
from ml_assets.engine.reports import page
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def quality_metadata(home: Home, _: Project, current: Current) -> dict[str, Any]:
    """Return the report inline, its file, and the numbers that are plotted over batches."""
    said = current.facts["quality"]
    lines = [_account(said), "", "| | | |", "| --- | --- | --- |"]
    lines += [f"| **{title}** | {word} | {plain(text)} |" for title, word, text in said["verdicts"]]
    lines += ["", "| column | of | effect | limit | |", "| --- | --- | ---: | ---: | --- |"]
    lines += [
        f"| {plain(column)} | {kind} | {effect} | {limit} | {'**drift**' if alarm else ''} |"
        for column, kind, effect, limit, alarm in said["drift"]
    ]
    return {
        "report": dg.MetadataValue.md("\n".join(lines)),
        "report_file": dg.MetadataValue.path(str(page(home, current))),
        **said["numbers"],
    }


def _account(facts: Mapping[str, Any]) -> str:
    """Return the row accounting of the landed records, in one line."""
    rows = facts["rows"]
    without = rows.get("unlabelled", 0)
    inside = f" ({without:,} without a label)" if without else ""
    return " ".join(
        [
            f"**{rows['landed']:,} landed** = {rows['cleaned']:,} cleaned{inside}",
            f"+ {rows['filtered']:,} filtered + {rows['quarantined']:,} quarantined",
        ]
    )
