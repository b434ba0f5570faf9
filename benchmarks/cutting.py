"""How much memory and time cutting a file takes that is larger than a batch: made-up rides.

    python -m benchmarks.cutting [--rows 10000000] [--again]

One process cuts the file into months by `land`. What is printed is its largest memory, and what
reading the same file once with pyarrow takes, in pieces and one thread. `--again` appends a row and
lands the file once more.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ml_assets.engine.cutting.folder import land_cut
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.store.home import Home

STEP = 250_000
SPEC = DatasetSpec.model_validate(
    {
        "description": "Made-up rides.",
        "calendar": "month",
        "landing": {"pattern": r"rides\.csv", "batch": "month of started"},
        "key": ["ride"],
        "columns": {
            "ride": {"type": "integer"},
            "started": {"type": "timestamp"},
            "zone": {"type": "category"},
            **{
                name: {"type": "number"} for name in ("far", "fare", "tip", "toll", "wait", "speed")
            },
        },
    }
)


def write(path: Path, rows: int) -> None:
    """Write rides of five years in the order of time; some come a month late."""
    drawn = np.random.default_rng(0)
    with path.open("wb") as file:
        for start in range(0, rows, STEP):
            size = min(STEP, rows - start)
            late = np.where(drawn.random(size) < 0.01, 30 * 86_400, 0)
            began = (np.arange(start, start + size) * (5 * 365 * 86_400 / rows)).astype(int) + late
            table = {
                "ride": np.arange(start, start + size),
                "started": pa.array(began + 1_577_836_800, pa.timestamp("s")),
                "zone": [f"zone {number}" for number in drawn.integers(0, 260, size)],
            }
            for name in ("far", "fare", "tip", "toll", "wait", "speed"):
                table[name] = drawn.gamma(2.0, 5.0, size).round(6)
            options = pyarrow.csv.WriteOptions(include_header=start == 0)
            pyarrow.csv.write_csv(pa.table(table), file, options)


def parse(path: Path) -> float:
    """Return the CPU seconds that pyarrow takes to read a file in pieces on one thread."""
    before = time.process_time()
    options = pyarrow.csv.ReadOptions(use_threads=False, block_size=1 << 24)
    for _ in pyarrow.csv.open_csv(path, read_options=options):
        pass
    return time.process_time() - before


def peak() -> float:
    """Return the largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Write a file, land it, and print memory and seconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rides.csv"
        write(path, options.rows)
        project, home = Project({"rides": SPEC}, {}), Home(Path(folder) / "home", "dev")
        size, before = path.stat().st_size, peak()
        for again in range(1 + options.again):
            if again:
                with path.open("ab") as file:
                    file.write(b"-1,2024-12-30 00:00:00,zone 1,1,1,1,1,1,1\n")
            began, used = time.perf_counter(), time.process_time()
            found = land_cut(home, project, "rides", path)
            sys.stdout.write(
                f"{found.rows:,} rows, {size >> 20:,} MB, {len(found.changes)} of "
                f"{len(found.changes) + found.same} batches: "
                f"{time.process_time() - used:.0f} CPU s, {time.perf_counter() - began:.0f} s, "
                f"{peak():.0f} MB, {before:.0f} MB before\n"
            )
        sys.stdout.write(f"pyarrow alone: {parse(path):.0f} CPU s\n")


if __name__ == "__main__":
    main()
