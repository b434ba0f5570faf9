"""How much memory a split and its check take: made-up keys, 28,000 rows a batch.

    python -m benchmarks.split_memory [--batches 120] [--kind time]

Run it once for each number of batches: what is printed is the largest memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml_assets.spec.split import SplitRule
from ml_assets.stages.check.fold_disjointness import check
from ml_assets.stages.split import hash as by_hash
from ml_assets.stages.split import time as by_time

ROWS = 28_000


@dataclass(frozen=True)
class Stored:
    """A table in a file, or in memory, read at each call."""

    digest: str
    where: Any

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the table, or only some of its columns."""
        if isinstance(self.where, Path):
            return pq.read_table(self.where, columns=columns, use_threads=False)
        return self.where if columns is None else self.where.select(list(columns))


def write(path: Path, number: int) -> None:
    """Write a batch of features with keys like those of flights."""
    keys = [f"2013-{number:03d}-01 05:15:00.000000|UA|{row}|EWR" for row in range(ROWS)]
    times = pa.array(np.arange(ROWS) + number * ROWS, pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"_key": keys, "_time": times, "_target": np.arange(ROWS) * 1.0}), path)


def main() -> None:
    """Split, check, and print the largest memory."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batches", type=int, default=120)
    parser.add_argument("--kind", choices=["time", "hash"], default="time")
    options = parser.parse_args()
    sizes = {"test": 2, "validation": 1} if options.kind == "time" else {}
    rule = SplitRule.model_validate(
        {
            "model": "made_up",
            "split": {"kind": options.kind, **sizes},
            "on_duplicate_key": "keep_latest",
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        features: dict[str, Any] = {}
        for number in range(options.batches):
            path = Path(folder) / f"{number:04d}.parquet"
            write(path, number)
            features[path.stem] = Stored(f"d1:{path.stem}", path)
        before = peak()
        split = by_time.split if options.kind == "time" else by_hash.split
        made = split(rule, features=features).outputs
        folds: dict[str, Any] = {
            name: Stored("d1:", made[name]) for name in ("train", "validation", "test")
        }
        (verdict,) = check(rule, **folds, features=features).checks
    rows = options.batches * ROWS
    sys.stdout.write(f"{rows:,} rows, {options.kind}: {peak():.0f} MB, {before:.0f} MB before\n")
    sys.stdout.write(f"{verdict.description}\n")


def peak() -> float:
    """Return the largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
