"""Section: every metric with its interval, beside all trivial baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.stages import metrics as standard
from ml_assets.stages.counted import counted
from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.section import (
    Line,
    ReportTable,
    Section,
    TableCell,
    Text,
    View,
    lines,
)
from ml_assets.stages.evaluate.words import number

NAME = "metrics"


def show(view: View) -> Section:
    """Return all metrics against the best baseline, and the spec's metric against each baseline."""
    metrics = view.metrics
    level = words.level(metrics["level"])
    body = [_line(view, name) for name in _order(view)]
    head = ["Metric", "Model", f"{level} interval", f"Baseline: {metrics['baseline_family']}"]
    head += ["Difference", f"{level} interval"]
    tables = [ReportTable("All metrics on test", head, body)]
    if len(metrics["baselines"]) > 1:
        tables.append(_others(view))
    unit = f", in {view.spec.target_unit}" if view.spec.target_unit else ""
    text = (
        f"On the {counted(metrics['rows'], 'test row')}, which had no part in training, in "
        f"early stopping or in the choice of the family. Predicted: {view.spec.target}{unit}. "
        f"Intervals by paired block bootstrap: {metrics['bootstrap']}."
    )
    return Section(NAME, "Metrics", text, tables, (), metrics["notes"])


def _order(view: View) -> list[str]:
    return sorted(view.metrics["test"], key=lambda name: name != view.spec.metric)


def _line(view: View, name: str) -> Line:
    metrics = view.metrics
    difference = metrics["difference"][name]
    better = "more" if standard.greater_is_better(name) else "less"
    known = standard.parsed(name)[0] in words.NAMES
    under = f"{better} is better" if known else ""
    unit = words.unit_of(name, view.spec.target_unit)
    return Line(
        [
            TableCell(words.name(name) if known else name, under=under),
            number(metrics["test"][name], unit),
            words.span(metrics["intervals"][name]),
            number(metrics["baseline"][name]),
            number(difference["value"]),
            words.span((difference["low"], difference["high"])),
        ],
        "chosen" if name == view.spec.metric else "",
    )


def _others(view: View) -> ReportTable:
    """Return the spec's metric of each baseline, and the model's difference from it."""
    metric = view.spec.metric
    body: list[list[Text]] = []
    for name, entry in view.metrics["baselines"].items():
        body.append([_named(name, entry), *_figures(entry, metric)])
    level = words.level(view.metrics["level"])
    head = ["Baseline", words.title(metric), f"{level} interval"]
    head += ["Model minus baseline", f"{level} interval"]
    return ReportTable("Each baseline", head, lines(body), title="Beside each trivial baseline")


def _named(name: str, entry: Mapping[str, Any]) -> TableCell:
    return TableCell(name, under="" if entry["refitted"] else "fitted on train only")


def _figures(entry: Mapping[str, Any], metric: str) -> list[str]:
    difference = entry["difference"][metric]
    return [
        number(entry["metrics"][metric]),
        words.span(entry["intervals"][metric]),
        number(difference["value"]),
        words.span((difference["low"], difference["high"])),
    ]
