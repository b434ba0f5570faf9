"""Section: all families as compared, on validation or crosswise, with the cost of each."""

from __future__ import annotations

from collections.abc import Mapping
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
    lines,
)
from ml_assets.stages.evaluate.words import NONE, number

NAME = "families"


def show(view: View) -> Section:
    """Return the leaderboard and, collapsed, the settings."""
    metrics = view.metrics
    names = standard.named(view.spec.task, (view.spec.metric,))
    body = [_line(metrics, entry, names) for entry in metrics["leaderboard"]]
    head = ["Family", *(words.title(name) for name in names)]
    head += ["Training rows", "Features", "Trees", "Parameters", "Size"]
    settings = [
        [entry["family"], ", ".join(_settings(entry["settings"])) or NONE]
        for entry in metrics["leaderboard"]
    ]
    crossed = any("parts" in entry for entry in metrics["leaderboard"])
    where = "by cross-validation within train and validation" if crossed else "on validation"
    text = (
        f"Families compared {where} by {words.name(view.spec.metric)}. The best one was "
        "chosen; test had no part in it. Parameters are the numbers learned (values of leaves, "
        "coefficients, medians); size is that of the model document."
    )
    tables = [
        ReportTable("Leaderboard", head, body),
        ReportTable("Settings", ["Family", "Settings"], lines(settings), (1,), folded="Settings"),
    ]
    notes = [f"{e['family']}: {note}" for e in metrics["leaderboard"] for note in e["notes"]]
    return Section(NAME, "Leaderboard", text, tables, (), notes)


def _line(metrics: Mapping[str, Any], entry: Mapping[str, Any], names: list[str]) -> Line:
    tags = []
    if entry["family"] == metrics["chosen"]:
        tags.append(("chosen", "good"))
    if entry["baseline"]:
        tags.append(("baseline", ""))
    cost = entry["cost"]
    cells: list[Text] = [
        TableCell(entry["family"], tags),
        *(number(entry["metrics"][name]) for name in names),
        f"{entry['rows']['train']:,}",
        f"{cost['features']:,}",
        NONE if entry["trees"] is None else f"{entry['trees']:,}",
        f"{cost['parameters']:,}",
        words.size(cost["bytes"]),
    ]
    return Line(cells, "chosen" if entry["family"] == metrics["chosen"] else "")


def _settings(settings: Mapping[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in sorted(settings.items()) if key != "family"]
