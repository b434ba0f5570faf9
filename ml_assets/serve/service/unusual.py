"""Rows unlike those that a model learned from: counted, and refused where its spec says so.

Belongs here: categories and numbers outside of what was learned. Does not belong here: the contract
(`stages/score`), drift of many rows (`stages/quality`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from ml_assets.serve.answers import Answers
from ml_assets.serve.learned import Ranges
from ml_assets.serve.model import LoadedVersion
from ml_assets.stages.score.answer import UNSEEN
from ml_assets.stages.score.few import Values
from ml_assets.stages.score.problems import Problem
from ml_assets.stages.score.score import Predicted

OUT_OF_RANGE = "out_of_range"
Found = Mapping[str, list[int]]
"""By feature: the numbers of the rows, from 0."""


def unseen(answer: Answers) -> dict[str, list[int]]:
    """Return the rows of an answer with categories that the model never saw."""
    places: dict[str, list[int]] = {}
    for row, names in enumerate(answer.values(UNSEEN)):
        for name in () if names is None else names.split(", "):
            places.setdefault(name, []).append(row)
    return places


def out_of_range(ranges: Ranges, predicted: Predicted) -> dict[str, list[int]]:
    """Return the rows with numbers that are outside of what was learned; missing ones are not."""
    if predicted.values is not None:
        found = few_out_of_range(ranges, predicted.values)
        return {name: predicted.at[places].tolist() for name, places in found.items()}
    outside = {}
    for name, (low, high) in ranges.items():
        values = predicted.features[name].to_numpy()
        places = np.flatnonzero((values < low) | (values > high)).tolist()
        if places:
            outside[name] = predicted.at[places].tolist()
    return outside


def few_out_of_range(ranges: Ranges, values: Values) -> dict[str, list[int]]:
    """Return the same of the values of a few rows."""
    outside = {}
    for name, (low, high) in ranges.items():
        given = enumerate(values[name])
        places = [n for n, v in given if v is not None and (v < low or v > high)]
        if places:
            outside[name] = places
    return outside


def refused(state: LoadedVersion, new: Found, outside: Found) -> list[Problem]:
    """Return the problems of rows that the spec refuses."""
    serving = state.scorer.spec.serving
    wrong: list[Problem] = []
    if serving.unseen == "refuse":
        wrong += _problems(UNSEEN, new, lambda _: "a category that the model learned from")
    if serving.out_of_range == "refuse":
        wrong += _problems(OUT_OF_RANGE, outside, lambda name: _range(state, name))
    return sorted(wrong)


def _problems(rule: str, places: Found, wanted: Callable[[str], str]) -> Iterator[Problem]:
    for name, rows in places.items():
        for row in rows:
            yield Problem(row, name, rule, wanted(name))


def _range(state: LoadedVersion, name: str) -> str:
    """Return what is wanted of a number; where a column is sensitive, no value is said."""
    if state.scorer.spec.hidden:
        return "a number within what the model learned from"
    low, high = state.ranges()[name]
    return f"a number from {low:g} to {high:g}, as in what the model learned from"
