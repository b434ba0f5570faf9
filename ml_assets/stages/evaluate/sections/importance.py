"""Section: what the model relies on: permutation importance on test, gain in training."""

from __future__ import annotations

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
from ml_assets.stages.evaluate.words import number

NAME = "importance"
_SHOWN = 15


def show(view: View) -> Section:
    """Return the features by how much worse the model gets when each is shuffled."""
    importance = view.explained["importance"]
    if "why" in importance:
        return nothing(NAME, "Feature importance", importance["why"])
    metric = view.spec.metric
    unit = words.loss_unit(metric, view.spec.target_unit)
    gains = {entry["feature"]: entry["gain"] for entry in view.metrics["importance"]}
    total = sum(gains.values())
    most = max((entry["more"] for entry in importance["features"]), default=0.0)
    body = []
    for entry in importance["features"]:
        column = view.spec.columns[entry["feature"]]
        width = max(entry["more"], 0.0) / most * 100 if most > 0 else 0.0
        low, high = entry["interval"]
        cells: list[Text] = [
            TableCell(entry["feature"], under=column.description),
            TableCell(number(entry["more"]), bar=round(width, 1)),
            words.span((low, high)),
        ]
        if total > 0:
            cells.append(words.share(gains.get(entry["feature"], 0.0) / total))
        body.append(Line(cells, "few" if low <= 0 <= high else ""))
    head = ["Feature", f"More loss{f' ({unit})' if unit else ''}", "95% interval"]
    head += ["Share of gain"] if total > 0 else []
    tables = [ReportTable("Feature importance", head, body[:_SHOWN])]
    if body[_SHOWN:]:
        folded = f"{len(body) - _SHOWN} more features"
        tables.append(ReportTable("Less important features", head, body[_SHOWN:], folded=folded))
    text = (
        f"How much the mean {words.loss(metric)} grows when a feature's values are shuffled "
        f"among {importance['rows']:,} test rows, drawn with a seed (unshuffled it is "
        f"{number(importance['loss'])})."
    )
    notes = [
        "It says what the model uses, not what causes the target. Redundant features "
        "share their importance. Intervals treat rows as independent; one shuffle. In grey: within "
        "chance."
    ]
    if total > 0:
        notes.append(
            "Gain: the share of the loss reduction from splits on the feature in training."
        )
    return Section(NAME, "Feature importance", text, tables, (), notes)
