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
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ml_assets.spec.gate import DecideSpec, GateSpec
from ml_assets.stages.gate import compare, rules
from ml_assets.stages.gate.rows import Rows

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


def world(size: int, worse: float, in_slice: float | None, seed: int) -> Rows:
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
    return Rows(
        target=np.zeros(size),
        candidate=ours * factor,
        champion=theirs,
        fails=None,
        keys=pa.chunked_array([pa.nulls(size, pa.string())]),
        time=start + day.astype("timedelta64[D]"),
        batch=np.zeros(size, dtype=np.int64),
        group=None,
        slices={"part": pa.chunked_array([pa.array(np.array(list("abcde"))[part])])},
    )


def passed(rows: Rows, gate: GateSpec, seed: int) -> tuple[bool, bool]:
    """Return whether simulated rows pass `not_worse`, and whether they pass `slices`."""
    told = DecideSpec(
        model="simulated",
        task="regression",
        metric="mae",
        target="y",
        key=("row",),
        slices=("part",),
        gate=gate,
    )
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


def main() -> None:
    """Print the table: the share promoted, by what the candidate is and rows left."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=400)
    repeats = parser.parse_args().repeats
    heads = " | ".join(f"{size:,}" for size in SIZES)
    sys.stdout.write(f"| the candidate is | {heads} |\n| --- |{' ---: |' * len(SIZES)}\n")
    for name, worse, in_slice in CASES:
        rates = [rate(size, worse, in_slice, repeats, GateSpec()) for size in SIZES]
        sys.stdout.write(f"| {name} | {' | '.join(f'{r:.1%}' for r in rates)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
