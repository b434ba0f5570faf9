"""Section (binary): precision, recall, F1 and ROC by threshold on the probability."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.drawing import INK, LEGEND, MAIN, OTHER, Plot, drawn
from ml_assets.stages.evaluate.section import (
    Line,
    ReportTable,
    Section,
    Study,
    TableCell,
    View,
    nothing,
)
from ml_assets.stages.metrics import HALF

NAME = "thresholds"
STEPS = 100
_SHOWN = range(10, 100, 10)


def measure(study: Study) -> dict[str, Any]:
    """Return counts for "class 1 where probability >= threshold", 0.00 to 1.00 by 0.01."""
    if study.spec.task != "binary":
        return {}
    happened, probability = study.rows.target == 1, study.rows.prediction
    ones, zeros = int(happened.sum()), int((~happened).sum())
    if not ones or not zeros:
        return {"why": f"only class {int(ones > 0)} occurs on test"}
    # The number of thresholds that a row reaches; float steps such as 0.29 * 100 would miss one.
    grid = np.arange(STEPS + 1) / STEPS
    reached = np.searchsorted(grid, probability, side="right")
    by_class = [np.bincount(reached[rows], minlength=STEPS + 2) for rows in (~happened, happened)]
    false_alarms, hits = (count[::-1].cumsum()[::-1][1:] for count in by_class)
    return {
        "rows": len(probability),
        "ones": ones,
        "found": hits.tolist(),
        "false_alarms": false_alarms.tolist(),
        **({"chosen": study.rows.at} if study.rows.at != HALF else {}),
    }


def rates(measured: dict[str, Any]) -> dict[str, Any]:
    """Return precision (NaN without alarms), recall, F1, alarms and false alarm rate (101,)."""
    hit, miss = np.array(measured["found"]), np.array(measured["false_alarms"])
    ones, rows = measured["ones"], measured["rows"]
    with np.errstate(invalid="ignore"):
        precision = hit / (hit + miss)
    return {
        "threshold": np.arange(STEPS + 1) / STEPS,
        "precision": precision,
        "recall": hit / ones,
        "f1": 2 * hit / (hit + miss + ones),
        "alarms": (hit + miss) / rows,
        "false": miss / (rows - ones),
    }


def show(view: View) -> Section | None:
    """Return both curves and the figures at each tenth."""
    part = view.sections[NAME]
    if view.spec.task != "binary":
        return None
    if "why" in part:
        return nothing(NAME, "Thresholds", part["why"])
    rate = rates(part)
    best = int(np.argmax(rate["f1"]))
    text = (
        "Class 1 is predicted if its probability reaches a threshold. The right one depends on "
        "the costs of a miss and of a false alarm."
    )
    note = f"The largest F1, {rate['f1'][best]:.3f}, is at {rate['threshold'][best]:.2f}: chosen "
    note += "on these test rows, and therefore slightly optimistic."
    if "chosen" in part:
        text += (
            f" The model's is {part['chosen']:.3g}, chosen without these rows: classes and their "
            "metrics are by it."
        )
    plots = [_drawn_curves(rate), _drawn_roc(view, rate)]
    return Section(NAME, "Thresholds", text, [_table(rate, best)], plots, [note])


def _drawn_curves(rate: dict[str, Any]) -> Plot:
    def paint(axes: Any) -> None:
        threshold = rate["threshold"]
        axes.plot(threshold, rate["precision"], color=MAIN, lw=1.8, label="precision")
        axes.plot(threshold, rate["recall"], color=OTHER, lw=1.8, label="recall")
        axes.plot(threshold, rate["f1"], color=INK, lw=1.2, ls=(0, (4, 2)), label="F1")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="threshold")
        axes.legend(**LEGEND, ncols=3)

    half = STEPS // 2
    text = (
        f"At a threshold of 0.5 the precision is {rate['precision'][half]:.1%}, the recall "
        f"{rate['recall'][half]:.1%} and F1 {rate['f1'][half]:.3f}."
    )
    return drawn("thresholds", "Precision and recall over threshold", text, paint)


def _drawn_roc(view: View, rate: dict[str, Any]) -> Plot:
    def paint(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=INK, lw=1, ls=(0, (4, 3)), label="no skill")
        # Rows that reach no threshold: the curve ends at 0, 0.
        axes.plot([*rate["false"], 0], [*rate["recall"], 0], color=MAIN, lw=1.8, label="model")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="false positive rate")
        axes.set_ylabel("true positive rate (recall)")
        axes.legend(**LEGEND, ncols=2)

    place = int(np.argmin(np.abs(rate["false"] - 0.05)))
    auc = words.number(view.metrics["test"]["auc"])
    text = (
        f"The area under the curve is {auc}. At a false positive rate of "
        f"{rate['false'][place]:.1%} the recall is {rate['recall'][place]:.1%}."
    )
    return drawn("roc", "ROC curve", text, paint)


def _table(rate: dict[str, Any], best: int) -> ReportTable:
    body = []
    for place in sorted({*_SHOWN, best}):
        precision = rate["precision"][place]
        shown = words.NONE if np.isnan(precision) else words.share(precision)
        rest = [words.share(rate[name][place]) for name in ("recall", "alarms", "false")]
        tags = [("largest F1", "good")] if place == best else []
        first = TableCell(f"{rate['threshold'][place]:.2f}", tags)
        body.append(Line([first, shown, rest[0], f"{rate['f1'][place]:.3f}", *rest[1:]]))
    head = ["Threshold", "Precision", "Recall", "F1", "Predicted 1", "False positive rate"]
    return ReportTable("Figures by threshold", head, body)
