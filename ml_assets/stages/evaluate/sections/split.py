"""Section: how much better would the model have looked with a random split?"""

from __future__ import annotations

from ml_assets.stages.evaluate import words
from ml_assets.stages.evaluate.section import ReportTable, Section, View, lines, nothing
from ml_assets.stages.evaluate.words import number

NAME = "optimism"


def show(view: View) -> Section:
    """Return both figures and their difference."""
    trial = view.optimism
    title = "Split optimism"
    if "why" in trial:
        return nothing(NAME, title, trial["why"])
    metric = view.spec.metric
    unit = words.unit_of(metric, view.spec.target_unit)
    level = words.level(trial["level"])
    body = [
        [label, number(trial[key]["value"], unit), words.span(trial[key]["interval"])]
        for label, key in (("This split", "split"), ("A random split", "random"))
    ]
    low_high = trial["difference"]["interval"]
    difference = trial["difference"]["value"]
    body.append(["Random minus this", number(difference, unit), words.span(low_high)])
    head = ["Test rows chosen by", words.title(metric), f"{level} interval"]
    text = (
        f"The chosen family was trained twice more with the same settings, on {trial['learned']:,} "
        f"sampled rows, and scored on {trial['tested']:,}: once with the folds as they are, once "
        "with the same rows divided at random. "
    )
    if low_high is None:
        text += "The difference has no interval."
    elif low_high[0] <= 0 <= low_high[1]:
        text += "The difference is within what chance explains."
    else:
        look = "better" if (difference < 0) == (metric not in _MORE) else "worse"
        text += f"A random split would have made the model look {look} than it is on new data."
    notes = ["Both figures are from a sample: only their difference matters. Rows are independent."]
    return Section(NAME, title, text, [ReportTable("Split optimism", head, lines(body))], (), notes)


_MORE = ("r2", "auc", "accuracy")
