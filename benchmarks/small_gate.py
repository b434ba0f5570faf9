"""How often the gate is wrong on few rows, by simulation: a table for `docs/explanation/gate.md`.

    python -m benchmarks.small_gate [--repeats 200]

Rows are drawn anew each time: a target that depends on one column, and noise. Each model fits a
line and adds a multiple of a column of pure noise, its own, to what it predicts: with the same
multiple both are equally good and yet different, with a larger one the candidate is worse by a
known share. The comparison is the one that ships (`stages/gate/crossed`), with a margin of 2 %.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.spec.crossed import CrossedSpec
from ml_assets.spec.families import Linear
from ml_assets.spec.gate import DecideSpec, GateSpec, NotWorse
from ml_assets.spec.model import FeatureColumn, FitSpec
from ml_assets.stages.gate import rules
from ml_assets.stages.gate.crossed import crossed
from ml_assets.stages.memory import InMemory

SIZES = (60, 130, 500)
CASES = (
    ("20 % better", -0.20),
    ("5 % better", -0.05),
    ("equal", 0.0),
    ("2 % worse (the margin)", 0.02),
    ("10 % worse", 0.10),
    ("30 % worse", 0.30),
)
BASE = 0.75
"""The multiple of the champion: its root mean squared error is 1.25 times the noise's."""
COLUMNS = {name: FeatureColumn(type="number") for name in ("x", "ours", "theirs")}
GATE = GateSpec(not_worse=NotWorse(margin="2%"), few_rows="cross_validation")


class Line:
    """A family: a line through the rows, and a multiple of a column of noise."""

    def __init__(self, column: str) -> None:
        self._column = column

    def refit(self, _: Any, state: Mapping[str, Any], fold: Any, __: Any) -> dict[str, Any]:
        """Return slope, intercept and the multiple."""
        x = fold.features["x"].to_numpy()
        slope, intercept = np.polyfit(x, fold.target, 1)
        return {"line": [slope, intercept], "multiple": state["multiple"]}

    def predict(self, state: Mapping[str, Any], batch: pa.Table) -> Any:
        """Return the line's values with noise."""
        line = state["line"][0] * batch["x"].to_numpy() + state["line"][1]
        return line + state["multiple"] * batch[self._column].to_numpy()


def compared(size: int, worse: float, seed: int) -> dict[str, Any]:
    """Return the line `not_worse` of one simulated decision."""
    draw = np.random.default_rng(seed)
    x, ours, theirs = draw.normal(size=(3, size))
    table = pa.table(
        {
            "_key": [str(n) for n in range(size)],
            "_target": 3.0 * x + draw.normal(size=size),
            "x": x,
            "ours": ours,
            "theirs": theirs,
        }
    )
    features = {"all": InMemory(table)}
    cuts = (0, int(size * 0.7), int(size * 0.8), size)
    parts = [_rows(start, stop) for start, stop in pairwise(cuts)]
    named = dict(zip(("train", "validation", "test"), parts, strict=True))
    multiple = float(np.sqrt((1.0 + BASE**2) * (1.0 + worse) ** 2 - 1.0))
    fit = FitSpec(
        task="regression",
        metric="rmse",
        family=Linear(family="linear"),
        columns=COLUMNS,
        threads=1,
        seed=1,
    )
    spec = CrossedSpec(
        fit=fit, champion=fit, min_rows=size, not_worse=GATE.not_worse, grouped=False, seed=seed
    )
    given: dict[str, Any] = {
        "model": InMemory({"state": {"multiple": multiple}}),
        "champion": InMemory({"state": {"multiple": BASE}}),
        "champion_train": named["train"],
        "champion_validation": named["validation"],
        "champion_features": features,
        "features": features,
        **named,
    }
    found: Any = crossed(spec, family=Line("ours"), champion_family=Line("theirs"), **given)
    told = DecideSpec(
        model="simulated", task="regression", metric="rmse", target="y", key=("row",), gate=GATE
    )
    return rules.crossed(told, found.outputs["crossed"])


def _rows(start: int, stop: int) -> InMemory:
    row = {"batch": ["all"], "features": ["d1:simulated"], "start": [start], "stop": [stop]}
    return InMemory(pa.table(row))


def interval(count: int, repeats: int) -> str:
    """Return a share with its 95 % interval (Wilson, 1927)."""
    share, z = count / repeats, 1.96
    middle = (share + z**2 / (2 * repeats)) / (1 + z**2 / repeats)
    reach = z * np.sqrt(share * (1 - share) / repeats + z**2 / (4 * repeats**2))
    reach /= 1 + z**2 / repeats
    return f"{share:.0%} ({max(middle - reach, 0):.0%} to {middle + reach:.0%})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    out = sys.stdout.write
    out("| rows | candidate is | passes | not decidable | refused |\n")
    out("| --- | --- | --- | --- | --- |\n")
    for size in SIZES:
        for name, worse in CASES:
            seen: Counter[str] = Counter()
            for seed in range(repeats):
                line = compared(size, worse, seed)
                seen["passes" if line["passed"] else line["effect"]] += 1
            cells = [interval(seen[kind], repeats) for kind in ("passes", "wait", "refuse")]
            out(f"| {size} | {name} | {' | '.join(cells)} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
