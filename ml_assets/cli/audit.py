"""audit: what is on record of a model in a period, for people who audit it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ml_assets.cli.console import out, styled
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.cli.promotions import ModelName, planner_of
from ml_assets.operations.audit.audit import audit as collect
from ml_assets.operations.audit.page import page
from ml_assets.stages.counted import counted

NAMES = {"gate": "the gate", "trial": "a trial", "person": "a person"}
"""What decides."""


@guarded
def audit(
    model: ModelName,
    start: Annotated[
        str | None,
        typer.Option("--from", help="A day or time (UTC); by default the first record."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", help="A day, which is in the period, or a time; by default now."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write it as an offline HTML page.")
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Show all that is on record of a model in a period, with what the EU AI Act asks of records.

    Versions in use, decisions with evidence, overrides with reasons, trials, alarms, incidents.

    Example: ml-assets audit flight_delay --from 2026-01-01 --to 2026-06-30 --html audit.html
    """
    planner = planner_of(model)
    with working("reading the records"):
        document = collect(planner.home, planner.project, model, start, end)
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_bytes(page(document))
    if as_json:
        emit(document)
        return
    out.print(
        styled(
            (model, "bold"),
            f" ({document['environment']}) from {document['from'][:16]} to {document['to'][:16]}",
        )
    )
    for title, text in lines(document):
        out.print(f"  {title:11}{text}", highlight=False, markup=False)
    if html is not None:
        out.print(f"  written to {html}")


def lines(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is printed of an audit: a title (empty if it goes on), and a text."""
    log, use = document["log"], document["use"]
    intact = f"{counted(log['entries'], 'entry', 'entries')}, hash chain intact"
    yield "log", log["broken"] or intact
    title = "in use"
    for item in document["in_use"]:
        until = "now" if item["until"] is None else item["until"][:16]
        yield title, f"{item['version']} from {item['since'][:16]} to {until} by {item['by']}"
        title = ""
    by = Counter(item["decided_by"] for item in document["decisions"])
    said = ", ".join(f"{number} by {NAMES[name]}" for name, number in by.items())
    yield "decisions", said or "none"
    title = "overrides"
    for item in document["overrides"]:
        by_whom = f" by {item['by']}" if item["by"] else ""
        yield title, f"{item['at'][:16]} {item['what']}{by_whom}: {item['reason']}"
        title = ""
    for item in document["trials"]:
        yield "trial", f"{item['challenger']} beside {item['champion']}: {item['said']}"
    for name in ("alarms", "incidents"):
        kinds = Counter(item["check"] for item in document[name])
        told = ", ".join(f"{number} {check}" for check, number in kinds.items())
        yield name, told or "none"
    rows = sum(day["rows"] for day in use["days"])
    batches = counted(len(use["batches"]), "predicted batch", "predicted batches")
    yield "use", f"{batches}, {counted(rows, 'requested row')}"
    status = Counter(item["status"] for item in document["checklist"])
    yield "AI Act", ", ".join(f"{number} {name}" for name, number in status.items())
