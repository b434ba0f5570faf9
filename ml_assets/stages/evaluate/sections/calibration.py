"""Section: do outcomes match predictions, on average and in frequency?

Rows in at most ten groups of similar size by prediction. The calibration error is the mean of
|predicted - observed| over the groups, weighted by rows: for classifiers the expected
calibration error (Naeini, Cooper and Hauskrecht, 2015), for multiclass that of the likeliest
class (Guo et al., 2017).
Chance alone makes it more than 0; the size of that effect is shown with it: by the normal
approximation the mean of |error of a group's mean| is sqrt(2/pi) standard errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_assets.stages.evaluate import bootstrap, parts, words
from ml_assets.stages.evaluate.drawing import INK, LEGEND, MAIN, OTHER, Plot, drawn, in_unit
from ml_assets.stages.evaluate.section import ReportTable, Section, Study, View, lines, nothing
from ml_assets.stages.evaluate.sections.residuals import said_and_happened
from ml_assets.stages.evaluate.words import number, said

NAME = "calibration"
_HISTOGRAM = 40


def measure(study: Study) -> dict[str, Any]:
    """Return the groups, the error with its interval, and the error expected by chance."""
    rows = study.rows
    if len(rows.target) < 2:
        return {"why": "there are fewer than two test rows"}
    predicted, observed = (rows.prediction, rows.target)
    if study.spec.task != "regression":
        predicted, observed = said_and_happened(study)
    group = parts.tenths(predicted)
    count = int(group.max()) + 1
    size = np.bincount(group)
    gap = np.bincount(group, predicted - observed) / size
    spread = np.bincount(group, np.square(predicted - observed)) / size - np.square(gap)
    by_draw = np.abs(study.draws.sums(predicted - observed, group, count)).sum(axis=1)
    by_draw /= study.draws.sums(None, group, count).sum(axis=1)
    curve: dict[str, Any] = {
        "rows": size.tolist(),
        "said": parts.means(predicted, group, count),
        "observed": parts.means(observed, group, count),
        "deviation": np.sqrt(np.maximum(spread, 0.0)).tolist(),
        "error": float((np.abs(gap) * size).sum() / len(predicted)),
        "interval": bootstrap.interval(by_draw, study.spec.evaluation.intervals.level),
        "by_chance": _by_chance(np.maximum(spread, 0.0), size),
    }
    if study.spec.task == "regression":
        curve["slope"] = _slope(predicted, observed)
    if study.spec.task == "binary":
        edges = np.linspace(0, 1, _HISTOGRAM + 1)
        curve["by_class"] = [
            np.histogram(predicted[observed == value], bins=edges)[0].tolist() for value in (0, 1)
        ]
    return curve


def _by_chance(variance: Any, size: Any) -> float:
    """Return the expected error of unbiased predictions on independent rows."""
    return float(np.sqrt(2 / np.pi * variance * size).sum() / size.sum())


def _slope(predicted: Any, observed: Any) -> float | None:
    """Return the slope of target on prediction (Mincer and Zarnowitz, 1969); 1 is calibrated."""
    centred = predicted - predicted.mean()
    spread = float(np.square(centred).sum())
    if spread <= 1e-12 * max(float(np.square(predicted).sum()), 1e-300):
        return None
    return float((centred * (observed - observed.mean())).sum() / spread)


def show(view: View) -> Section:
    """Return the error in words, the plot, and the groups as a table."""
    curve = view.sections[NAME]
    if "why" in curve:
        return nothing(NAME, "Calibration", curve["why"])
    unit = view.spec.target_unit if view.spec.task == "regression" else ""
    around = f" ({words.level(view.metrics['level'])} interval {words.span(curve['interval'])})"
    text = (
        f"{_QUESTION[view.spec.task]} The calibration error is {number(curve['error'], unit or '')}"
        f"{around if curve['interval'] else ''}; with predictions that are right on average, "
        f"chance alone would give about {number(curve['by_chance'])} for as many independent rows."
    )
    notes = ["Resampling adds noise to each group: the interval is biased upwards."]
    if curve.get("slope") is not None:
        notes.append(
            f"Slope of the target on the prediction: {number(curve['slope'])} (1 is calibrated; "
            "below 1 the predictions are too extreme)."
        )
    plots = [_drawn(view, curve)]
    if "by_class" in curve:
        plots.append(_drawn_classes(curve))
    return Section(NAME, "Calibration", text, [_table(view, curve)], plots, notes)


_QUESTION = {
    "regression": "Does the target match the prediction on average?",
    "binary": "Does class 1 occur as often as predicted?",
    "multiclass": "Is the likeliest class right as often as predicted?",
}


def _drawn(view: View, curve: dict[str, Any]) -> Plot:
    told, seen = np.array(curve["said"]), np.array(curve["observed"])
    size = np.array(curve["rows"])
    regression = view.spec.task == "regression"
    low, high = _bars(curve, regression)
    ends = [min(told.min(), seen.min()), max(told.max(), seen.max())] if regression else [0, 1]

    def paint(axes: Any) -> None:
        axes.plot(ends, ends, color=INK, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
        axes.vlines(told, low, high, color=MAIN, linewidth=1.4)
        axes.plot(told, seen, color=MAIN, lw=1.4, marker="o", ms=4, label="observed")
        unit = in_unit(view.spec.target_unit or "")
        if regression:
            axes.set(xlabel=f"mean prediction{unit}", ylabel=f"mean target{unit}")
        else:
            axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability")
            axes.set_ylabel("share observed")
        axes.legend(**LEGEND, ncols=2)

    worst = int(np.argmax(np.abs(seen - told)))
    show = said if regression else words.share
    bars = "means ± 1.96 standard errors" if regression else "95% Wilson intervals"
    text = (
        f"Rows in {len(told)} groups of similar size by prediction (bars: {bars}). The "
        f"largest gap is where {show(told[worst])} was predicted and {show(seen[worst])} observed; "
        f"on average {show(np.average(told, weights=size))} and "
        f"{show(np.average(seen, weights=size))}."
    )
    return drawn("calibration", "Predicted and observed", text, paint)


def _bars(curve: dict[str, Any], regression: bool) -> tuple[Any, Any]:
    """Return low and high by group: Wilson (1927) for shares, 1.96 standard errors for means."""
    seen, size = np.array(curve["observed"]), np.array(curve["rows"])
    if regression:
        half = 1.959964 * np.array(curve["deviation"]) / np.sqrt(size)
        return seen - half, seen + half
    z = 1.959964
    middle = (seen + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * np.sqrt(seen * (1 - seen) / size + z * z / (4 * size * size))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def _drawn_classes(curve: dict[str, Any]) -> Plot:
    edges = np.linspace(0, 1, _HISTOGRAM + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    shares = [np.array(part) / max(sum(part), 1) for part in curve["by_class"]]

    def paint(axes: Any) -> None:
        for share, colour, label in zip(shares, (OTHER, MAIN), ("class 0", "class 1"), strict=True):
            axes.stairs(share * 100, edges, color=colour, linewidth=1.8, label=label)
        axes.set(xlim=(0, 1), xlabel="predicted probability of class 1")
        axes.set_ylabel("rows of the class (%)")
        axes.grid(visible=False, axis="x")
        axes.legend(**LEGEND, ncols=2)

    told = [
        f"class {value}: {float((share * middle).sum()):.0%}"
        for value, share in enumerate(shares)
        if sum(curve["by_class"][value])
    ]
    text = f"Mean predicted probability of class 1 by what happened: {', '.join(told)}."
    return drawn("predictions-by-outcome", "Predictions by outcome", text, paint)


def _table(view: View, curve: dict[str, Any]) -> ReportTable:
    form = number if view.spec.task == "regression" else words.share
    body = [
        [
            f"{place}",
            f"{rows:,}",
            form(told),
            form(seen),
            form(seen - told).replace("-", words.MINUS),
        ]
        for place, (rows, told, seen) in enumerate(
            zip(curve["rows"], curve["said"], curve["observed"], strict=True), start=1
        )
    ]
    head = ["Group", "Rows", "Predicted", "Observed", f"Observed {words.MINUS} predicted"]
    return ReportTable("Calibration by group", head, lines(body), folded="The groups, as a table")
