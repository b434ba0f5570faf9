"""Section: how much each feature moved single predictions, for a few test rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.section import ReportTable, Section, View, lines, nothing
from ml_assets.stages.evaluate.words import number

NAME = "contributions"


def show(view: View) -> Section:
    """Return one table per row: the largest contributions, with the feature's value."""
    terms = view.explained["contributions"]
    title = "Single predictions"
    if "why" in terms:
        return nothing(NAME, title, terms["why"])
    regression = view.spec.task == "regression"
    scale = f"in {view.spec.target_unit or 'the unit of the target'}" if regression else "log-odds"
    if view.spec.task == "multiclass":
        scale = "raw score of the likeliest class"
    text = (
        f"What each feature added to the prediction ({scale}), from {number(terms['start'])} "
        f"on average: {_METHOD[terms['method']]}. Five rows from small to large predictions, and "
        "the rows with the largest losses of the same sample."
    )
    if view.spec.task == "multiclass":
        text = text.replace(f", from {number(terms['start'])} on average", "")
    tables = [_table(entry, place) for place, entry in enumerate(terms["rows"], start=1)]
    return Section(NAME, title, text, tables)


_METHOD = {
    "tree": "Shapley values of the trees (Lundberg et al., 2020)",
    "linear": "coefficient times value, minus its mean over the sample",
    "own": "from the family's own `contributions`",
}


def _table(entry: Mapping[str, Any], place: int) -> ReportTable:
    body = [
        [part["feature"], part["value"], _signed(part["amount"])] for part in entry["contributions"]
    ]
    body.append(["all others", "", _signed(entry["others"])])
    when = f"{entry['time']}, " if entry["time"] else ""
    folded = f"{when}predicted {_told(entry['prediction'])}, observed {_told(entry['target'])}"
    folded = f"Row {place} ({entry['why']}): {folded}"
    head = ["Feature", "Value", "Contribution"]
    return ReportTable(f"Contributions, row {place}", head, lines(body), folded=folded)


def _told(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return number(value) if value % 1 else f"{value:,.0f}".replace("-", words.MINUS)


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)
