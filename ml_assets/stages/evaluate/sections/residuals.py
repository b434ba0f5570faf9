"""Section: the distribution of errors, by prediction and over time.

Regression: target - prediction. Classifiers: predicted and observed shares, by period.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_assets.stages.evaluate import parts, words
from ml_assets.stages.evaluate.drawing import (
    BAND,
    INK,
    LEGEND,
    MAIN,
    OTHER,
    RESIDUAL,
    Plot,
    drawn,
    in_unit,
)
from ml_assets.stages.evaluate.section import ReportTable, Section, Study, View, lines, nothing
from ml_assets.stages.evaluate.words import number, said

NAME = "residuals"
_BINS = 50
_DRAWABLE = -719_162, 2_932_896
"""Days since 1970 of the years 1 to 9999, the only ones that Matplotlib can draw."""


def measure(study: Study) -> dict[str, Any]:
    """Return the histogram, quantiles by tenth of the predictions, and errors over time."""
    rows = study.rows
    if len(rows.target) < 2:
        return {"why": "there are fewer than two test rows"}
    measured: dict[str, Any] = {"over_time": _over_time(study)}
    if study.spec.task == "regression":
        residual = rows.target - rows.prediction
        tenth = parts.tenths(rows.prediction)
        count = int(tenth.max()) + 1
        centre = parts.quantiles(rows.prediction, tenth, count)
        measured |= {
            "histogram": _histogram(residual),
            "over_prediction": {
                "rows": np.bincount(tenth).tolist(),
                "prediction": [quantile[2] for quantile in centre],
                "residual": parts.quantiles(residual, tenth, count),
            },
        }
    return measured


def _histogram(residual: Any) -> dict[str, Any]:
    """Return shares of all rows by bin, the outer 1 % of rows left out, and quantiles."""
    low, high = np.quantile(residual, [0.005, 0.995])
    # The bins of very large residuals must be wide enough to have edges that differ.
    finest = float(_BINS * np.spacing(max(abs(low), abs(high))))
    if high - low <= finest:
        low, high = low - max(0.5, finest), high + max(0.5, finest)
    heights, edges = np.histogram(residual, bins=_BINS, range=(low, high))
    group = np.zeros(len(residual), dtype=np.int64)
    return {
        "edges": edges.tolist(),
        "share": (heights / len(residual)).tolist(),
        "quantiles": parts.quantiles(residual, group, 1)[0],
    }


def _over_time(study: Study) -> dict[str, Any]:
    rows = study.rows
    kind, starts, group = parts.periods(rows.time)
    untimed = int((group < 0).sum())
    if len(starts) < 2:
        return {"why": f"the rows with a time span {len(starts)} {kind}s", "untimed": untimed}
    count = len(starts)
    series: dict[str, Any] = {
        "period": kind,
        "start": starts,
        "untimed": untimed,
        "rows": np.bincount(group[group >= 0], minlength=count).tolist(),
        "loss": parts.means(study.loss, group, count),
    }
    if study.spec.task == "regression":
        series["residual"] = parts.quantiles(rows.target - rows.prediction, group, count)
        return series
    said_, happened = said_and_happened(study)
    series["predicted"] = parts.means(said_, group, count)
    series["observed"] = parts.means(happened, group, count)
    return series


def said_and_happened(study: Study) -> tuple[Any, Any]:
    """Return (n,) the predicted probability, and 0/1 whether it came true.

    Of class 1 for binary, of the likeliest class for multiclass.
    """
    rows = study.rows
    if study.spec.task == "binary":
        return rows.prediction, rows.target
    right = (rows.prediction.argmax(axis=1) == rows.target).astype(np.float64)
    return rows.prediction.max(axis=1), right


def show(view: View) -> Section:
    """Return plots, and the errors over time as a table."""
    measured = view.sections[NAME]
    title = "Residuals" if view.spec.task == "regression" else "Over time"
    if "why" in measured:
        return nothing(NAME, title, measured["why"])
    unit = view.spec.target_unit or ""
    plots: list[Plot] = []
    if view.spec.task == "regression":
        plots += [_drawn_histogram(measured, unit), _drawn_over_prediction(measured, unit)]
    course, tables, notes = measured["over_time"], [], []
    if "why" in course:
        notes.append(f"Over time: not computed, {course['why']}.")
    else:
        plots += [_drawn_course(view, course, unit), _drawn_loss(view, course)]
        tables.append(_table(view, course))
    if course["untimed"]:
        notes.append(f"{course['untimed']:,} rows have no time and belong to no period.")
    text = "Where is the model wrong, in which direction, and does it get worse over time?"
    return Section(NAME, title, text, tables, plots, notes)


def _drawn_histogram(measured: dict[str, Any], unit: str) -> Plot:
    histogram = measured["histogram"]

    def paint(axes: Any) -> None:
        shares = np.array(histogram["share"]) * 100
        axes.stairs(shares, histogram["edges"], fill=True, color=MAIN)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel(f"{RESIDUAL}{in_unit(unit)}")
        axes.set_ylabel("rows (%)")
        axes.grid(visible=False, axis="x")

    q10, q25, q50, q75, q90 = histogram["quantiles"]
    text = (
        f"Half of the residuals lie between {said(q25)} and {said(q75)}{_after(unit)}, "
        f"four fifths between {said(q10)} and {said(q90)}; the median is {said(q50)}."
    )
    return drawn("residual-histogram", "Distribution of residuals", text, paint)


def _drawn_over_prediction(measured: dict[str, Any], unit: str) -> Plot:
    part = measured["over_prediction"]
    centre, q = np.array(part["prediction"]), np.array(part["residual"]).T

    def paint(axes: Any) -> None:
        axes.fill_between(centre, q[0], q[4], color=BAND, linewidth=0, label="80% of rows")
        axes.fill_between(centre, q[1], q[3], color=OTHER, linewidth=0, label="50% of rows")
        axes.plot(centre, q[2], color=MAIN, lw=1.8, marker="o", ms=3.5, label="median")
        axes.axhline(0, color=INK, linewidth=1)
        axes.set_xlabel(f"prediction{in_unit(unit)}")
        axes.set_ylabel(f"{RESIDUAL}{in_unit(unit)}")
        axes.grid(visible=False, axis="x")
        axes.legend(**LEGEND, ncols=3)

    widest = int(np.argmax(q[4] - q[0]))
    text = (
        f"Rows in {len(centre)} groups of similar size by prediction: the median residual runs "
        f"from {said(q[2].min())} to {said(q[2].max())}{_after(unit)}; the spread is widest at "
        f"predictions around {said(centre[widest])}, where 80% lie between "
        f"{said(q[0][widest])} and {said(q[4][widest])}."
    )
    return drawn("residual-over-prediction", "Residuals over prediction", text, paint)


def _drawn_course(view: View, course: dict[str, Any], unit: str) -> Plot:
    start = np.array(course["start"], dtype="datetime64[D]")
    if view.spec.task != "regression":
        return _drawn_shares(view, course, start)
    q = np.array(course["residual"]).T

    def paint(axes: Any) -> None:
        axes.fill_between(start, q[0], q[4], color=BAND, linewidth=0, label="80% of rows")
        axes.fill_between(start, q[1], q[3], color=OTHER, linewidth=0, label="50% of rows")
        axes.plot(start, q[2], color=MAIN, lw=1.8, label="median")
        axes.axhline(0, color=INK, linewidth=1)
        axes.set_ylabel(f"{RESIDUAL}{in_unit(unit)}")
        _dated(axes)

    low, high = int(np.argmin(q[2])), int(np.argmax(q[2]))
    text = (
        f"By {course['period']}: the median residual runs from {said(q[2][low])}"
        f"{_after(unit)} ({course['start'][low]}) to {said(q[2][high])} "
        f"({course['start'][high]})."
    )
    return drawn("residual-over-time", "Residuals over time", text, paint)


def _drawn_shares(view: View, course: dict[str, Any], start: Any) -> Plot:
    predicted, observed = np.array(course["predicted"]), np.array(course["observed"])
    binary = view.spec.task == "binary"

    def paint(axes: Any) -> None:
        labels = ("class 1", "predicted") if binary else ("hits", "expected hits")
        axes.plot(start, observed * 100, color=MAIN, lw=1.8, label=labels[0])
        axes.plot(start, predicted * 100, color=OTHER, lw=1.8, ls=(0, (4, 2)), label=labels[1])
        axes.set_ylabel("rows (%)")
        _dated(axes)

    widest = int(np.argmax(np.abs(predicted - observed)))
    text = (
        f"By {course['period']}: the gap between predicted and observed shares is widest "
        f"from {course['start'][widest]}, {predicted[widest]:.1%} against {observed[widest]:.1%}."
    )
    return drawn("shares-over-time", "Predicted and observed over time", text, paint)


def _drawn_loss(view: View, course: dict[str, Any]) -> Plot:
    start, loss = np.array(course["start"], dtype="datetime64[D]"), np.array(course["loss"])
    what = words.loss(view.spec.metric)
    unit = words.loss_unit(view.spec.metric, view.spec.target_unit)

    def paint(axes: Any) -> None:
        axes.plot(start, loss, color=MAIN, lw=1.8, marker="o", ms=3, label=f"mean {what}")
        axes.set_ylim(bottom=0)
        axes.set_ylabel(f"mean {what}{in_unit(unit)}")
        _dated(axes)

    best, worst = int(np.argmin(loss)), int(np.argmax(loss))
    text = (
        f"Mean {what} by {course['period']}: least {said(loss[best])}{_after(unit)} "
        f"({course['start'][best]}), most {said(loss[worst])} ({course['start'][worst]})."
    )
    return drawn("loss-over-time", "Loss over time", text, paint)


def _dated(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator: Any = AutoDateLocator
    form: Any = ConciseDateFormatter
    places = locator(minticks=3, maxticks=6)
    # The margins may reach beyond the years that can be drawn.
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, _DRAWABLE[0]), min(high, _DRAWABLE[1]))
    axes.xaxis.set_major_locator(places)
    axes.xaxis.set_major_formatter(form(places))
    axes.grid(visible=False, axis="x")
    axes.legend(**LEGEND, ncols=3)


def _table(view: View, course: dict[str, Any]) -> ReportTable:
    regression = view.spec.task == "regression"
    body = []
    for place, start in enumerate(course["start"]):
        if regression:
            q = course["residual"][place]
            middle = [number(q[2]), f"{number(q[0])} to {number(q[4])}"]
        else:
            middle = [words.share(course[name][place]) for name in ("predicted", "observed")]
        rows, loss = f"{course['rows'][place]:,}", number(course["loss"][place])
        body.append([start, rows, *middle, loss])
    heads = ("Median residual", "80% of rows") if regression else ("Predicted", "Observed")
    period = course["period"]
    head = [period.capitalize() + (" from" if period != "day" else ""), "Rows", *heads]
    head.append(f"Mean {words.loss(view.spec.metric)}")
    return ReportTable("Course over time", head, lines(body), folded=f"By {period}, as a table")


def _after(unit: str) -> str:
    return f" {unit}" if unit else ""
