"""The verdict of each check on a monitoring report: passed, warning, or not judged.

Belongs here: one verdict and one sentence per check. Does not belong here: computing figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_assets.stages.counted import counted
from ml_assets.stages.quality.verdicts import Verdict
from ml_assets.stages.quality.words import listed, number, percent

Known = Mapping[str, Any]


def input_drift(figures: Known) -> Verdict:
    """Judge by each input's distribution, missing and new values."""
    return _drift(figures, figures["drift"], "drift", "limits of drift")


def prediction_drift(figures: Known) -> Verdict:
    """Judge by the distribution of the prediction."""
    what = ("drift of the prediction", "limits of the prediction's drift")
    return _drift(figures, figures["prediction_drift"], *what)


def joint_drift(figures: Known) -> Verdict:
    """Judge by how well a classifier tells the batch from the training rows."""
    joint = figures["joint"]
    if joint is None:
        return Verdict(None, _why(figures, "joint drift", "drift"))
    keys = ("auc", "low", "high", "threshold")
    numbers = {key: joint[key] for key in keys if joint[key] is not None}
    said = f"a classifier tells the batch from the training rows with an AUC of {joint['auc']:.3f}"
    if joint["threshold"] is None:
        return Verdict(None, f"{said}; {joint['why']}", numbers)
    said += f" (limit {joint['threshold']:.3f}, no difference 0.5)"
    if joint["over"] and joint["by"]:
        said += f", most of all by {listed(joint['by'])}"
    return Verdict(not joint["over"], said, numbers)


def realized_metric(figures: Known) -> Verdict:
    """Judge by the model's metric: worse than on test by more than both intervals."""
    name, labels = figures["metric"], figures["labels"]
    entry = figures["realized"].get(name)
    share = {} if labels["share"] is None else {"labelled_share": labels["share"]}
    if entry is None or entry["value"] is None:
        return Verdict(None, _why(figures, "realized metrics"), share)
    numbers = {**share, "value": entry["value"], "rows": entry["rows"]}
    said = f"{name} {_around(entry)} of {counted(entry['rows'], 'row')} with a label"
    if labels["share"] < 1:
        said += f" ({percent(labels['share'])} have one)"
    then = entry["test"]
    if then is None:
        return Verdict(None, f"{said}; what it was on test is not known", numbers)
    numbers["on_test"] = then["value"]
    said += f"; on test {_around(then)}"
    if entry["worse"] is None:
        return Verdict(None, f"{said}; without both intervals they are not compared", numbers)
    verb = "worse by more than both intervals" if entry["worse"] else "not clearly worse"
    return Verdict(not entry["worse"], f"{said}: {verb}", numbers)


def _drift(figures: Known, entries: Known, what: str, limits: str) -> Verdict:
    if not entries:
        return Verdict(None, _why(figures, what, "drift"))
    over = [column for column, entry in entries.items() if entry["over"]]
    over.sort(key=lambda column: -_by_limit(entries[column]))
    worst = max(entries, key=lambda column: _by_limit(entries[column]))
    numbers = {
        "drifted_columns": len(over),
        "compared_columns": len(entries),
        "effects": {column: entry["value"] for column, entry in entries.items()},
        "thresholds": {column: entry["threshold"] for column, entry in entries.items()},
    }
    if all(entry["threshold"] is None for entry in entries.values()):
        return Verdict(None, _why(figures, limits), numbers)
    if not over:
        compared = counted(len(entries), "column")
        return Verdict(True, f"{compared} compared, none differs by more than chance", numbers)
    if len(entries) == 1:
        said = f"{worst} differs by more than chance: {entries[worst]['said']}"
        return Verdict(False, said, numbers)
    said = (
        f"{len(over)} of {counted(len(entries), 'column')} differ from the training rows by more "
        f"than chance: {listed(over)}. Most of all {worst}: {entries[worst]['said']}"
    )
    return Verdict(False, said, numbers)


def _by_limit(entry: Known) -> float:
    return float(entry["value"] / entry["threshold"]) if entry["threshold"] else 0.0


def _around(entry: Known) -> str:
    if entry["low"] is None:
        return number(entry["value"])
    return f"{number(entry['value'])} ({number(entry['low'])} to {number(entry['high'])})"


def _why(figures: Known, *whats: str) -> str:
    said = (e["why"] for what in whats for e in figures["not_computed"] if e["what"] == what)
    return next(said, "nothing could be compared")


VERDICTS: Mapping[str, Callable[[Known], Verdict]] = {
    "input_drift": input_drift,
    "joint_drift": joint_drift,
    "prediction_drift": prediction_drift,
    "realized_metric": realized_metric,
}
"""Verdicts by the name of the check."""
TITLES = {
    "input_drift": "Inputs",
    "joint_drift": "Inputs together",
    "prediction_drift": "Prediction",
    "realized_metric": "What came true",
}
