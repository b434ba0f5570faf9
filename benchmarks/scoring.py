"""One raw row and a month's file, beside the features function and the model's own predict.

ML_ASSETS_HOME=… python -m benchmarks.scoring FILE [--model flight_delay] [--rows 60]

FILE is a CSV of raw rows whose joined batches the home has, such as `sample/flights-2013-11.csv` of
the demo. CPU time of this process, the least of all rows and of five passes over the file.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from ml_assets.engine.plan import planner_here
from ml_assets.serve.model import LoadedModel, LoadedVersion, load, rows_spec
from ml_assets.serve.score import Scoring
from ml_assets.stages.score.read import read
from ml_assets.stages.score.source import source_of
from ml_assets.stages.train.predict import predict


class Timed:
    """A features function that notes its CPU time."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__code__ = function.__code__
        self.__qualname__ = function.__qualname__
        self._function = function
        self.seconds: list[float] = []

    def __call__(self, **frames: Any) -> Any:
        started = time.process_time()
        features = self._function(**frames)
        self.seconds.append(time.process_time() - started)
        return features


def timed(model: LoadedModel) -> Timed:
    """Put a function that notes its time in place of a model's."""
    state: LoadedVersion = model.state
    assert state.scorer.hook is not None, "wanted a model with a features function"
    function = Timed(state.scorer.hook)
    model.state = replace(state, scorer=replace(state.scorer, hook=function))
    return function


def least(work: Callable[[int], Any], times: int) -> float:
    """Return the least CPU time of several calls, in ms."""
    seconds = []
    for number in range(times):
        started = time.process_time()
        work(number)
        seconds.append(time.process_time() - started)
    return min(seconds) * 1000


def one_row(model: LoadedModel, function: Timed, file: Path, times: int) -> None:
    """Print what one raw row takes, and its parts."""
    with file.open(newline="") as lines:
        rows = list(islice(csv.DictReader(lines), times))
    reader, spec = model.state.scorer.reader, rows_spec(model.state, False)
    model.predict(rows[:1])
    function.seconds.clear()
    whole = least(lambda n: model.predict([rows[n]]), len(rows))
    own = min(function.seconds) * 1000
    quick = least(lambda n: reader.read(rows[n]), len(rows))
    frame = least(lambda n: read(spec, source_of([rows[n]], spec)), min(len(rows), 20))
    rest = whole - own
    print(f"one raw row: {whole:.1f} ms, the features function {own:.1f}; all else {rest:.1f}")
    print(f"  contract and cleaning: {quick:.2f} ms, as a batch of one {frame:.1f}")


def a_file(model: LoadedModel, function: Timed, file: Path, times: int = 5) -> None:
    """Print what a whole file takes, beside the function and the model's own predict."""
    whole, own = [], []
    for _ in range(times):
        scoring = Scoring(model, features=False, explain=False, batch=None)
        function.seconds.clear()
        started = time.process_time()
        for _ in scoring.answers(file):
            pass
        whole.append(time.process_time() - started)
        own.append(sum(function.seconds))
    spec = rows_spec(model.state, False)
    with file.open(newline="") as lines:
        rows = read(spec, source_of(list(csv.DictReader(lines)), spec))
    features = model.predicted(model.state, rows).features
    scorer = model.state.scorer
    alone = least(lambda _: predict(scorer.document, scorer.family, features), times) / 1000
    floor = min(own) + alone
    print(
        f"{file.name}: {scoring.rows:,} rows in {min(whole):.2f} s; the function {min(own):.2f} "
        f"and predict {alone:.2f} alone: {min(whole) / floor:.2f} times"
    )


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("file", type=Path)
    told.add_argument("--model", default="flight_delay")
    told.add_argument("--rows", type=int, default=60)
    given = told.parse_args()
    planner = planner_here()
    model = load(planner.home, planner.project, given.model)
    function = timed(model)
    one_row(model, function, given.file, given.rows)
    a_file(model, function, given.file)
    planner.home.close()


if __name__ == "__main__":
    main()
