"""How often the gate is wrong, by simulation: a table for `docs/explanation/gate.md`.

    python -m benchmarks.gate_errors [--repeats 400]

Two models predict the same rows, in 30 days. Their errors share most of what makes a row hard, have
something of their own, and depend on each other within a day, of the row and of the model. The
candidate's errors are then made larger or smaller by a known share. What is drawn again each time
is the data; the gate is the one that ships, with its default rules.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from ml_assets.spec.gate import DecideSpec, GateSpec
from ml_assets.spec.model import Intervals
from ml_assets.stages.evaluate import bootstrap
from ml_assets.stages.gate import compare, rules
from ml_assets.stages.paired.rows import PairedRows

DAYS = 30
SIZES = (300, 1_000, 3_000, 10_000, 30_000)
CASES = (
    ("10 % better", -0.10, None),
    ("5 % better", -0.05, None),
    ("2 % better", -0.02, None),
    ("equal", 0.0, None),
    ("2 % worse (the margin)", 0.02, None),
    ("5 % worse", 0.05, None),
    ("10 % worse", 0.10, None),
    ("equal, but 30 % worse in one slice of five", -0.075, 0.30),
)
"""What a candidate is, by how much its errors are larger, and in the first slice if it differs."""
FIRST = (
    ("10 % better than the baseline", -0.10),
    ("5 % better", -0.05),
    ("2 % better", -0.02),
    ("equal", 0.0),
    ("2 % worse", 0.02),
)
TOLD = DecideSpec(
    model="simulated",
    task="regression",
    metric="mae",
    target="y",
    key=("row",),
    slices=("part",),
    gate=GateSpec(),
)


def world(size: int, worse: float, in_slice: float | None, seed: int) -> PairedRows:
    """Return simulated rows: target 0, predictions are errors; the first of five slices differs."""
    draw = np.random.default_rng(seed)
    day = np.arange(size) % DAYS
    hard = np.exp(0.3 * draw.normal(size=DAYS))[day]
    shared = draw.normal(size=size)
    ours, theirs = (
        hard * (shared + 0.3 * draw.normal(size=size) + 0.1 * draw.normal(size=DAYS)[day])
        for _ in range(2)
    )
    part = draw.integers(0, 5, size)
    factor = np.where(part == 0, 1.0 + (worse if in_slice is None else in_slice), 1.0 + worse)
    start = np.datetime64("2024-01-01", "us")
    return PairedRows(
        target=np.zeros(size),
        candidate=ours * factor,
        other=theirs,
        fails=None,
        keys=pa.chunked_array([pa.nulls(size, pa.string())]),
        time=start + day.astype("timedelta64[D]"),
        batch=np.zeros(size, dtype=np.int64),
        group=None,
        slices={"part": pa.chunked_array([pa.array(np.array(list("abcde"))[part])])},
    )


def passed(rows: PairedRows, gate: GateSpec, seed: int) -> tuple[bool, bool]:
    """Return whether simulated rows pass `not_worse`, and whether they pass `slices`."""
    told = TOLD.model_copy(update={"gate": gate})
    kept = np.ones(len(rows.target), dtype=bool)
    draws, _ = compare.draw(gate.not_worse, rows, kept, seed)
    assert draws is not None
    assert gate.slices is not None
    figures = compare.overall(told, rows, kept, draws)
    parts = compare.by_slice(told, gate.slices, rows, kept, draws)
    return bool(rules.not_worse(told, figures)["passed"]), bool(rules.slices(told, parts)["passed"])


def rate(size: int, worse: float, in_slice: float | None, repeats: int, gate: GateSpec) -> float:
    """Return the share of simulated candidates that pass both rules."""
    found: Sequence[tuple[bool, bool]] = [
        passed(world(size, worse, in_slice, seed), gate, seed) for seed in range(repeats)
    ]
    return sum(all(both) for both in found) / repeats


def first(size: int, worse: float, repeats: int) -> float:
    """Return the share of simulated first models that pass `beats_baseline`.

    The baseline takes the champion's place in `world`; figures are made as the report makes them.
    """
    return sum(_beats(world(size, worse, None, seed), seed) for seed in range(repeats)) / repeats


def _beats(rows: PairedRows, seed: int) -> bool:
    assert rows.other is not None
    level, resamples = Intervals().level, Intervals().resamples
    draws = bootstrap.draw(rows.time, "day", resamples, seed)
    whole = np.zeros(len(rows.target), dtype=np.int64)
    ours, theirs = (
        bootstrap.distribution("mae", rows.target, prediction, draws, whole, 1)[:, 0]
        for prediction in (rows.candidate, rows.other)
    )
    low, high = bootstrap.interval(ours - theirs, level) or (None, None)
    metrics = {
        "test": {"mae": float(np.abs(rows.candidate).mean())},
        "baseline": {"mae": float(np.abs(rows.other).mean())},
        "difference": {"mae": {"low": low, "high": high}},
    }
    return bool(rules.beats_baseline(TOLD, metrics)["passed"])


def main() -> None:
    """Print two tables: the share that passes, by what the candidate is and rows left."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=400)
    repeats = parser.parse_args().repeats
    _table(
        "the candidate is",
        [(name, _candidates(worse, part, repeats)) for name, worse, part in CASES],
    )
    _table("the first model is", [(name, _firsts(worse, repeats)) for name, worse in FIRST])


def _candidates(worse: float, in_slice: float | None, repeats: int) -> Iterator[float]:
    return (rate(size, worse, in_slice, repeats, GateSpec()) for size in SIZES)


def _firsts(worse: float, repeats: int) -> Iterator[float]:
    return (first(size, worse, repeats) for size in SIZES)


def _table(head: str, lines: Sequence[tuple[str, Iterable[float]]]) -> None:
    heads = " | ".join(f"{size:,}" for size in SIZES)
    sys.stdout.write(f"| {head} | {heads} |\n| --- |{' ---: |' * len(SIZES)}\n")
    for name, rates in lines:
        sys.stdout.write(f"| {name} | {' | '.join(f'{r:.1%}' for r in rates)} |\n")
        sys.stdout.flush()
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
