"""trace: from one prediction to the lines that trained its model, and to who approved it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from ml_assets.cli.console import out
from ml_assets.cli.here import opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.operations.trace import trace as follow
from ml_assets.stages.counted import counted
from ml_assets.stages.quality.words import number


@guarded
def trace(
    prediction: Annotated[
        str,
        typer.Argument(help="MODEL@BATCH/KEY, MODEL@BATCH:LINE, or the id of a request (ID/ROW)."),
    ],
    as_json: bool = JSON,
) -> None:
    """Follow a prediction to its row, its model, the lines that trained it, and who approved it.

    Example: ml-assets trace flight_delay@2013-12:17
    """
    planner = opened(partly=True)
    document = follow(planner.home, planner.project, prediction)
    if as_json:
        emit(document)
        return
    for title, text in lines(document):
        out.print(f"{title:12}{text}", highlight=False, markup=False)


def lines(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is printed of a traced prediction: a title (empty if it goes on), and a text."""
    row = document["row"]
    yield "prediction", ", ".join(f"{n} {_value(v)}" for n, v in row["prediction"].items())
    yield "row", _row(row)
    if row["label"] is not None:
        yield "label", _value(row["label"])
    version = document["version"]
    if isinstance(version, str):
        yield "model", f"{document['model']} {version}, which is no longer in the store"
    else:
        yield "model", f"{document['model']} {version['version']}, made {version['made'][:19]}"
        for verdict in version["verdicts"]:
            yield "trained", verdict["reason"]
        for entry in version["decisions"]:
            what = f"{entry['action']} {entry['at'][:19]} by {entry['actor']}: {entry['reason']}"
            yield "decided", what
        yield "now", version["now"]
        yield from _origin(document)
    for tomb in document["forgotten"]:
        rows = "all rows" if tomb["rows"] is None else counted(tomb["rows"], "row")
        place = f"{tomb['dataset']} {tomb['batch']}".strip()
        yield "forgotten", f"{rows} of {place} at {tomb['at'][:19]}: {tomb['reason']}"


def _origin(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "lost" in document:
        yield "lost", document["lost"]
    for fold in ("train", "validation"):
        title = fold
        for item in document.get("trained_on", ()):
            if item["fold"] == fold:
                yield title, _lines(item)
                title = ""
    title = "quarantine"
    for item in document.get("quarantine", ()):
        left = {rule: n for rule, n in (item["quarantined"] or {}).items() if n}
        if left:
            said = ", ".join(f"{n} {rule}" for rule, n in left.items())
            yield title, f"{item['dataset']} {item['batch']}".strip() + f": {said}"
            title = ""
    metrics = document.get("metrics", {})
    if "test" in metrics:
        shown = [f"{name} {number(value)}" for name, value in metrics["test"].items()]
        yield "on test", f"{', '.join(shown)} ({metrics['rows']:,} rows)"
    if "parameters" in document:
        family = document["parameters"]["family"]
        yield "parameters", ", ".join(f"{n} {_value(v)}" for n, v in family.items())
    for part in ("features", "fit"):
        made = document.get("code", {}).get(part)
        if made is not None:
            function = next((h for h in made["functions"].values()), made["stage"])
            said = f"{part} by {function}, {counted(len(made['modules']), 'module')}"
            yield "code", f"{said}, sources {made['sources'][:15]}…"


def _row(row: Mapping[str, Any]) -> str:
    if row["kind"] == "request":
        said = f"row {row['row']} of request {row['request']} at {row['at']} ({row['protocol']})"
        line = f", line {row['line']} of day {row['day']}" if row["line"] is not None else ""
        return f"{said}{line}"
    said = f"line {row['line']} of {row['file']} ({(row['digest'] or '')[:15]}…)"
    batch = f", batch {row['batch']} of {row['dataset']}" if row["batch"] else ""
    return f"{said}{batch}, key {row['key']}"


def _lines(item: Mapping[str, Any]) -> str:
    batch = f"{item['batch']}: " if item["batch"] else ""
    if "lost" in item:
        return f"{batch}{item['lost']}"
    spans = item["lines"]
    ends = f"lines {spans[0][0]} to {spans[-1][1]}" if spans else "no line"
    gaps = f" in {counted(len(spans), 'range')}" if len(spans) > 1 else ""
    digest = f" ({item['digest'][:15]}…)" if item["digest"] else ""
    return f"{batch}{counted(item['rows'], 'row')}, {ends}{gaps} of {item['file']}{digest}"


def _value(value: Any) -> str:
    return number(value) if value is None or isinstance(value, float) else str(value)
