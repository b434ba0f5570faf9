"""Section: what changed against the previous candidate, on rows that neither has seen."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from ml_assets.stages import metrics as standard
from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.section import (
    Line,
    ReportTable,
    Section,
    TableCell,
    Text,
    View,
    nothing,
)
from ml_assets.stages.evaluate.slices import FEW_ROWS
from ml_assets.stages.evaluate.words import number

NAME = "change"
TITLE = "Against the previous candidate"
LEVEL = 0.05
"""A slice is marked if its p-value, corrected for all slices, is below this."""
_SHOWN = 12


def show(view: View) -> Section:
    """Return the metrics of both candidates, and the spec's metric by declared slice."""
    delta = view.change
    if delta["why"] is not None:
        return nothing(NAME, TITLE, delta["why"])
    level = words.level(delta["level"])
    head = ["Metric", "This candidate", "Previous one", "Difference", f"{level} interval"]
    body = [
        Line(
            [words.title(name), *_figures(entry, words.unit_of(name, view.spec.target_unit))],
            "chosen" if name == view.spec.metric else "",
        )
        for name, entry in delta["figures"].items()
    ]
    tables = [ReportTable("Both candidates", head, body)]
    for name, group in groupby(delta["slices"], key=lambda entry: str(entry["slice"])):
        tables += _slice(view, name, list(group))
    return Section(NAME, TITLE, " ".join(_said(view, delta)), tables, (), _notes(delta))


def verdict(delta: Mapping[str, Any]) -> str:
    """Return better or worse for the spec's metric, or why neither can be said."""
    entry = delta["figures"][delta["metric"]]
    if delta["same"]:
        return "both predict the same for every row"
    if entry["difference"] is None or entry["interval"] is None:
        return "the difference has no interval"
    low, high = entry["interval"]
    if low <= 0.0 <= high:
        return "chance can explain the difference"
    return f"this candidate is {_mood(delta['metric'], entry)}, by more than chance"


def _mood(metric: str, entry: Mapping[str, Any]) -> str:
    """Return better or worse for a difference that is not 0."""
    return "better" if standard.is_better(metric, entry["now"], entry["before"]) else "worse"


def marked(metric: str, entry: Mapping[str, Any]) -> str:
    """Return better or worse if a slice significantly is, otherwise nothing."""
    surely = entry["adjusted"] is not None and entry["adjusted"] <= LEVEL and entry["difference"]
    return _mood(metric, entry) if surely else ""


def _said(view: View, delta: Mapping[str, Any]) -> list[str]:
    metric, rows = delta["metric"], delta["rows"]
    which = f"the {rows['left']:,} of {rows['test']:,} test rows"
    which = f"all {rows['test']:,} test rows" if rows["left"] == rows["test"] else which
    unit = words.unit_of(metric, view.spec.target_unit)
    entry = delta["figures"][metric]
    tested = [e for e in delta["slices"] if e["adjusted"] is not None]
    moods = [marked(metric, e) for e in tested]
    said = [
        f"Both candidates predicted {which} that neither was trained or chosen on.",
        f"The {words.name(metric)} is {number(entry['now'], unit)}, against "
        f"{number(entry['before'], unit)} of the previous candidate: {verdict(delta)}.",
    ]
    if tested:
        counts = [f"{moods.count(mood):,} significantly {mood}" for mood in ("better", "worse")]
        shown = " and ".join(counts) if any(moods) else "none significantly better or worse"
        said.append(f"Of {len(tested):,} slices with enough rows: {shown}.")
    return said


def _slice(view: View, name: str, entries: list[dict[str, Any]]) -> list[ReportTable]:
    """Return a table of one slice's values, the most worsened first; the rest collapsed."""
    metric = view.spec.metric
    sign = -1.0 if standard.greater_is_better(metric) else 1.0
    order = sorted(entries, key=lambda e: (e["few"], -sign * (e["difference"] or 0.0), e["value"]))
    body = [_line(metric, entry) for entry in order]
    level = words.level(view.change["level"])
    head = [name, "Rows", "This candidate", "Previous one", "Difference", f"{level} interval"]
    label = f"{words.title(metric)} by {name}"
    tables = [ReportTable(f"{label}, both candidates", head, body[:_SHOWN], title=label)]
    if body[_SHOWN:]:
        folded = f"{len(body) - _SHOWN} more"
        tables.append(ReportTable(f"More of {label}", head, body[_SHOWN:], folded=folded))
    return tables


def _line(metric: str, entry: Mapping[str, Any]) -> Line:
    mood = marked(metric, entry)
    tags = [("few rows", "warn")] if entry["few"] else []
    tags += [(mood, "good" if mood == "better" else "bad")] if mood else []
    cells: list[Text] = [
        TableCell(entry["value"], tags),
        f"{entry['rows']:,}",
        *_figures(entry, ""),
    ]
    return Line(cells, "few" if entry["few"] else "")


def _figures(entry: Mapping[str, Any], unit: str) -> list[Text]:
    return [
        number(entry["now"], unit),
        number(entry["before"], unit),
        *words.difference(entry["difference"], entry["interval"]),
    ]


def _notes(delta: Mapping[str, Any]) -> list[str]:
    return [
        f"Paired: both on the same rows and draws ({delta['bootstrap']}). A slice is marked better "
        f"or worse if p is below {LEVEL:g} after Holm's correction for all slices; one with "
        f"fewer than {FEW_ROWS} rows, or from fewer than 5 days, is not tested.",
        f"The previous candidate is {delta['previous']}: ml-assets versions shows its number, "
        "ml-assets compare why the two differ.",
    ]
