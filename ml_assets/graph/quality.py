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
    return report_metadata(home, current, said, first=_account(said), column="column", mark="drift")


def report_metadata(
    home: Home, current: Current, said: Mapping[str, Any], *, first: str, column: str, mark: str
) -> dict[str, Any]:
    """Return a report whose headline is `said`: inline after a first line, its file, its numbers.

    `column` is what is compared, `mark` is shown at one that changed.
    """
    lines = [first, "", "| | | |", "| --- | --- | --- |"]
    lines += [f"| **{title}** | {word} | {plain(text)} |" for title, word, text in said["verdicts"]]
    lines += ["", f"| {column} | of | effect | limit | |", "| --- | --- | ---: | ---: | --- |"]
    lines += [
        f"| {plain(name)} | {kind} | {effect} | {limit} | {f'**{mark}**' if alarm else ''} |"
        for name, kind, effect, limit, alarm in said["drift"]
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
