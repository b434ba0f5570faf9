"""Do estimates without labels hold what they claim, and which shifts do they not see?

    python -m benchmarks.estimates [--streams 300] [--metric mae] [--minutes 60]
    python -m benchmarks.estimates --home FOLDER --model flight_delay

With `--minutes` it ends after so many, with the streams that it had time for; the number is in the
table. A stream is a past of 40 batches with targets, whose inputs wander, and a new batch of each
kind of shift. The model is a formula that is wrong in a known way. A home is one in which
December's flights have been run: the first champion's estimates of December's days. Tables for
`docs/explanation/monitoring.md`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.flown import flown
from ml_assets.stages import metrics
from ml_assets.stages.evaluate.coverage import exact
from ml_assets.stages.monitor.estimates import Estimate, fit
from ml_assets.stages.monitor.reference import Reference

Array = NDArray[np.float64]
BATCHES, EACH = 40, 150
KINDS = ("none", "covariate", "prior", "relation")
"""What is new in the last batch; `none`: its inputs wander as those of the batches before."""
CASES = (
    ("binary", "log_loss"),
    ("binary", "auc"),
    ("multiclass", "accuracy"),
    ("regression", "mae"),
    ("regression", "rmse"),
)
COVERAGE = 0.9


@dataclass(frozen=True)
class Tried:
    """What was estimated of a batch, and what came true."""

    estimate: Estimate
    realized: float
    last: float
    """The metric of the batch before."""


def past(task: str, draw: np.random.Generator) -> Reference:
    """Return 40 batches of 150 rows whose first input wanders from batch to batch."""
    parts = [batch(task, draw, draw.normal(0, 0.5), str(number)) for number in range(BATCHES)]
    return Reference(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.prediction for part in parts]),
        np.concatenate([part.target for part in parts]),
        [name for part in parts for name in part.batch],
    )


def batch(
    task: str, draw: np.random.Generator, level: float, name: str, kind: str = "none"
) -> Reference:
    """Return a batch of 150 rows.

    covariate: the first input is 1 higher, as it rarely was before. prior: rows with a high target
    are four times as frequent, and otherwise as they were. relation: what the inputs do to the
    target is another.
    """
    rows = EACH * (20 if kind == "prior" else 1)
    a, b, c = draw.normal(size=(3, rows))
    a = a + level + (1.0 if kind == "covariate" else 0.0)
    signal = 1.5 * a + b * c
    if kind == "relation":
        signal = 0.3 * a + b * c + 1.0
    features = np.column_stack([a, b, c])
    target, high = _target(task, signal, a, draw)
    if kind == "prior":
        weight = np.where(high, 4.0, 1.0)
        taken = draw.choice(rows, EACH, replace=False, p=weight / weight.sum())
        features, target = features[taken], target[taken]
    return Reference(features, _predicted(task, features[:, 0]), target, [name] * len(target))


def _target(
    task: str, signal: Array, a: Array, draw: np.random.Generator
) -> tuple[Array, NDArray[np.bool_]]:
    """Return targets, and which of them are high."""
    if task == "regression":
        target = signal + draw.normal(size=len(signal)) * (0.5 + 0.5 * np.abs(a))
        return target, target > 1.0
    if task == "binary":
        target = (draw.random(len(signal)) < _logistic(signal)).astype(np.float64)
        return target, target == 1
    target = np.digitize(signal + draw.logistic(size=len(signal)), [-1.0, 1.0]).astype(np.float64)
    return target, target == 2


def _predicted(task: str, a: Array) -> Array:
    """Return what a model says that knows the first input alone, and is too sure."""
    if task == "regression":
        return 1.4 * a
    if task == "binary":
        return _logistic(2.2 * a)
    below, above = _logistic(-1.0 - 2.2 * a), _logistic(2.2 * a - 1.0)
    share = np.column_stack([below, np.full(len(a), 0.2), above])
    return np.asarray(share / share.sum(axis=1, keepdims=True))


def _logistic(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def stream(task: str, metric: str, seed: int, *, weighted: bool) -> dict[str, Tried]:
    """Return the estimate of a new batch of each kind, after one past."""
    known = past(task, np.random.default_rng([seed, 1]))
    estimator = fit(task, metric, known, weighted=weighted, coverage=COVERAGE)
    names, place = known.numbered()
    newest = known.where(place == len(names) - 1)
    last = metrics.function(task, metric)(newest.target, newest.prediction)
    found = {}
    for number, kind in enumerate(KINDS):
        draw = np.random.default_rng([seed, 2, number])
        new = batch(task, draw, draw.normal(0, 0.5), "new", kind)
        realized = metrics.function(task, metric)(new.target, new.prediction)
        found[kind] = Tried(estimator.estimate(new.features, new.prediction), realized, last)
    return found


HEAD = (
    "| {} | estimate | estimable | held | share | 95 % interval | half width | error "
    "| as last known |\n| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |\n"
)


def line(name: str, how: str, tried: list[Tried]) -> str:
    """Return a row of a table: how often the interval held, and mean absolute errors."""
    told = [
        (one.estimate.value, one.estimate.low, one.estimate.high, one.realized, one.last)
        for one in tried
        if one.estimate.status == "estimated"
    ]
    cells = [name, how, f"{len(told)} of {len(tried)}"]
    if not told:
        return f"| {' | '.join([*cells, *['-'] * 6])} |\n"
    value, low, high, realized, last = np.array(told, dtype=np.float64).T
    held = int(((low <= realized) & (realized <= high)).sum())
    ends = exact(held, len(told), 0.95)
    cells += [str(held), f"{held / len(told):.1%}", f"{ends[0]:.1%} to {ends[1]:.1%}"]
    errors = (
        (high - low).mean() / 2,
        np.abs(value - realized).mean(),
        np.abs(last - realized).mean(),
    )
    return f"| {' | '.join([*cells, *(f'{error:.3g}' for error in errors)])} |\n"


def _simulated(streams: int, metric: str | None, minutes: float | None) -> None:
    """Print a table of made streams: as many as asked for, or as there is time for."""
    sys.stdout.write(HEAD.format("metric, shift"))
    cases = [
        (task, name, weighted)
        for task, name in CASES
        if metric in (None, name)
        for weighted in (False, True)
    ]
    share = None if minutes is None else 60.0 * minutes / len(cases)
    for task, name, weighted in cases:
        begin, found = time.monotonic(), []
        for seed in range(streams):
            found.append(stream(task, name, seed, weighted=weighted))
            if share is not None and time.monotonic() - begin > share:
                break
        for kind in KINDS:
            how = found[0][kind].estimate.method + (", weighted" if weighted else "")
            tried = [one[kind] for one in found]
            sys.stdout.write(line(f"{task} {name}, {kind}", how, tried))
        sys.stdout.flush()


def _days(known: Reference) -> Iterator[Reference]:
    names, place = known.numbered()
    for number in range(len(names)):
        yield known.where(place == number)


def _flown(folder: Path, model: str) -> None:
    task, before, after = flown(folder, model)
    sys.stdout.write(HEAD.format("metric"))
    for metric in {"regression": ("mae", "rmse")}.get(task, ("log_loss", "brier", "auc", "f1")):
        function = metrics.function(task, metric)
        newest = function(before.target, before.prediction)
        for weighted in (False, True):
            estimator = fit(task, metric, before, weighted=weighted, coverage=COVERAGE)
            tried = [
                Tried(
                    estimator.estimate(day.features, day.prediction),
                    function(day.target, day.prediction),
                    newest,
                )
                for day in _days(after)
            ]
            how = tried[0].estimate.method + (", weighted" if weighted else "")
            sys.stdout.write(line(metric, how, tried))
            tested = estimator.tested
            held = sum(one.covered for one in tested)
            why = "" if estimator.why is None else f"; {estimator.why}"
            sys.stdout.write(f"<!-- back-tests: {held} of {len(tested)} held{why} -->\n")
            sys.stdout.flush()


def main(argv: list[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--metric", help="only this one")
    parser.add_argument("--minutes", type=float, help="end after so many")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--model", default="flight_delay")
    asked = parser.parse_args(argv)
    if asked.home is not None:
        _flown(asked.home, asked.model)
    else:
        _simulated(asked.streams, asked.metric, asked.minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
