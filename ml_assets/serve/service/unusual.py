"""Rows unlike those that a model learned from: counted, and refused where its spec says so.

Belongs here: categories and numbers outside of what was learned. Does not belong here: the contract
(`stages/score`), drift of many rows (`stages/quality`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa

from ml_assets.serve.learned import Ranges
from ml_assets.serve.model import LoadedVersion
from ml_assets.stages.score.answer import UNSEEN
from ml_assets.stages.score.problems import Problem
from ml_assets.stages.score.score import Predicted

OUT_OF_RANGE = "out_of_range"
Found = Mapping[str, list[int]]
"""By feature: the numbers of the rows, from 0."""


def unseen(answer: pa.Table) -> dict[str, list[int]]:
    """Return the rows of an answer with categories that the model never saw."""
    places: dict[str, list[int]] = {}
    if answer[UNSEEN].null_count < len(answer):
        for row, names in enumerate(answer[UNSEEN].to_pylist()):
            for name in () if names is None else names.split(", "):
                places.setdefault(name, []).append(row)
    return places


def out_of_range(ranges: Ranges, predicted: Predicted) -> dict[str, list[int]]:
    """Return the rows with numbers that are outside of what was learned; missing ones are not."""
    outside = {}
    for name, (low, high) in ranges.items():
        if predicted.values is not None:
            given = enumerate(predicted.values[name])
            places = [n for n, v in given if v is not None and (v < low or v > high)]
        else:
            values = predicted.features[name].to_numpy()
            places = np.flatnonzero((values < low) | (values > high)).tolist()
        if places:
            outside[name] = predicted.at[places].tolist()
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
