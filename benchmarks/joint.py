"""How often the joint drift of a monitoring report warns though nothing has changed.

    python -m benchmarks.joint [streams]

Each stream has 60 days of training rows and a batch of 8 more, 40 rows a day, six columns, of which
all rows of a day share a part. Nothing changes, so at a rate of 5 % a warning is chance; then one
column is moved by half its spread, or two are made to depend on each other, each looking as before.
"""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages.evaluate.coverage import exact
from ml_assets.stages.monitor import joint

DAYS, BATCH, EACH, COLUMNS, RATE = 60, 8, 40, 6, 0.05
WANDER = {"days are alike": 0.0, "days differ a little (0.3)": 0.3, "days differ much (1.0)": 1.0}


def warned(seed: int, wander: float, change: str) -> bool:
    """Return whether the batch of a stream is told from its training rows."""
    draw = np.random.default_rng(seed)
    days = DAYS + BATCH
    shared = np.repeat(draw.normal(size=(days, COLUMNS)) * wander, EACH, axis=0)
    rows = shared + draw.normal(size=(days * EACH, COLUMNS))
    day = np.repeat(np.arange(days), EACH)
    new = day >= DAYS
    if change == "moved":
        rows[new, 0] += 0.5 * rows[:, 0].std()
    if change == "related":
        rows[new, 1] = 0.8 * rows[new, 0] + 0.6 * rows[new, 1]
    codes = np.floor(rows * 4).astype(np.int64)
    names = [f"c{n}" for n in range(COLUMNS)]
    sample = pa.table({n: codes[~new, k] for k, n in enumerate(names)} | {"_block": day[~new]})
    limits = joint.null(sample, BATCH, "day", RATE, seed)
    batch: dict[str, NDArray[np.int64]] = {n: codes[new, k] for k, n in enumerate(names)}
    return bool(joint.told_apart(batch, day[new], sample, limits, 0.95, seed)["over"])


def main() -> None:
    """Print the share of streams in which the check warns, with its exact 95 % interval."""
    streams = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| days | change | warned | of | 95 % interval |\n| --- | --- | ---: | ---: | --- |")
    for said, wander in WANDER.items():
        for change in ("none", "moved", "related"):
            tried = streams if change == "none" else streams // 4
            found = sum(warned(seed, wander, change) for seed in range(tried))
            low, high = exact(found, tried, 0.95)
            print(
                f"| {said} | {change} | {found} | {tried} | {low:.1%} to {high:.1%} |", flush=True
            )


if __name__ == "__main__":
    main()
