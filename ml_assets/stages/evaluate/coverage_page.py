"""The section of the evaluation report on prediction intervals, or sets of classes.

Belongs here: words and tables. Does not belong here: figures (`coverage`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.section import Line, ReportTable, Section, TableCell, Text
from ml_assets.stages.evaluate.words import number, share

NAME = "intervals"
_SHOWN = 12
"""Lines of a slice that are always visible; the rest are collapsed."""


def show(coverage: Mapping[str, Any], unit: str | None) -> Section:
    """Return the section of a coverage document; `unit` is the target's."""
    regression = coverage["task"] == "regression"
    title = "Prediction intervals" if regression else "Prediction sets"
    text = f"{coverage['text'][0].upper()}{coverage['text'][1:]}. {_how(coverage)}"
    if "all" not in coverage:
        return Section(NAME, title, text)
    level = words.level(coverage["level"])
    size = "Mean width" + (f" ({unit})" if unit else "") if regression else "Mean classes"
    head = ["Rows", "Covered", f"{level} interval", f"{level} by days", size]
    tables = [
        ReportTable(
            "Coverage by batch",
            ["Batch", *head],
            [_line(entry) for entry in [*coverage["batches"], {**coverage["all"], "value": "all"}]],
        )
    ]
    for name, entries in groupby(coverage["slices"], key=lambda entry: entry["slice"]):
        lines = [_line(entry) for entry in entries]
        label = f"Coverage by {name}"
        tables.append(ReportTable(label, [name, *head], lines[:_SHOWN], title=f"By {name}"))
        if lines[_SHOWN:]:
            folded = f"{len(lines) - _SHOWN} more"
            tables.append(
                ReportTable(f"More by {name}", [name, *head], lines[_SHOWN:], folded=folded)
            )
    if coverage["limits"]["slices"]:
        tables.append(_limits(coverage["limits"], unit))
    return Section(NAME, title, text, tables, (), _notes(coverage))


def _how(coverage: Mapping[str, Any]) -> str:
    limit = coverage["limits"]
    rows = f"{limit['rows']:,} rows"
    where = {
        "validation": f"the {rows} of the validation fold, by the model before it was refitted",
        "cross_validation": f"{rows} held out of a cross-validation",
    }[limit["method"]]
    what = "The limits of the error" if coverage["task"] == "regression" else "The sets"
    return f"{what} come from {where} (split conformal prediction)."


def _line(entry: Mapping[str, Any]) -> Line:
    off = not entry["calibrated"] and not entry["few"]
    tags = [("few rows", "warn")] if entry["few"] else []
    tags += [("not calibrated", "warn")] if off else []
    low, high = entry["exact"]
    cells: list[Text] = [
        TableCell(entry["value"], tags),
        f"{entry['rows']:,}",
        share(entry["share"]),
        f"{share(low)} to {share(high)}",
        words.NONE if entry["days"] is None else _span(entry["days"]),
        number(entry["size"]),
    ]
    return Line(cells, "few" if entry["few"] else "")


def _span(pair: Sequence[float]) -> str:
    return f"{share(pair[0])} to {share(pair[1])}"


def _limits(limit: Mapping[str, Any], unit: str | None) -> ReportTable:
    """Return the limits of the slices that have one of their own."""
    every = {"values": ["all others"], **limit["all"]}
    body = [
        Line([_named(entry["values"]), f"{entry['rows']:,}", number(entry["limit"])])
        for entry in [*limit["slices"], every]
    ]
    head = [" and ".join(limit["by"]), "Rows", "Limit" + (f" ({unit})" if unit else "")]
    return ReportTable("Limits by slice", head, body, folded="Limits of the error by slice")


def _named(values: Sequence[str | None]) -> str:
    return ", ".join("(missing)" if value is None else value for value in values)


def _notes(coverage: Mapping[str, Any]) -> list[str]:
    limit, few = coverage["limits"], coverage["limits"]["few"]
    notes = [
        "The coverage asked for is that of rows that are exchangeable with those that calibrate; "
        "later rows may differ. Off by more than 5 points is called not calibrated."
    ]
    if few["slices"]:
        notes.append(
            f"{few['slices']:,} slices with fewer than {few['fewest']} rows each ({few['rows']:,} "
            "together) have the limit for all rows."
        )
    if limit["hidden"]:
        names = ", ".join(limit["hidden"])
        notes.append(f"Not by {names}: sensitive, no value may be shown.")
    return notes
