"""What binning a fold takes, of one table, batch by batch, and in LightGBM alone.

    python -m benchmarks.training_memory [--batches 12 120]

Made-up rows, 28,000 a batch, 24 columns of the types of `flight_delay`. Each way runs in a process
of its own; memory is what it takes beyond what it had before it read the first batch, up to when
the rows are binned, and up to when trees are grown on them. LightGBM alone reads the binned rows
from a file of its own: less than that no training takes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.split_memory import ROWS, Stored, peak
from ml_assets.spec.families import LightGBM
from ml_assets.spec.model import FeatureColumn, FitSpec
from ml_assets.stages.train import folds
from ml_assets.stages.train.binned import binned
from ml_assets.stages.train.lightgbm import parameters
from ml_assets.store.digest import bytes_digest

FAMILY = LightGBM(family="lightgbm")
TREES = 20
AT_ONCE = {"table": sys.maxsize, "batches": 0}
WAYS = [*AT_ONCE, "alone"]
KINDS = {"number": 10, "integer": 8, "boolean": 4, "category": 2}
COLUMNS = {f"{kind}{i}": kind for kind, count in KINDS.items() for i in range(count)}


def write(path: Path, number: int) -> None:
    """Write a batch of made-up rows."""
    draw = np.random.default_rng(number)
    made: dict[str, Any] = {
        "number": lambda: np.round(draw.normal(size=ROWS), 2),
        "integer": lambda: draw.integers(0, 1440, ROWS),
        "boolean": lambda: draw.integers(0, 2, ROWS).astype(bool),
        "category": lambda: pa.array(draw.integers(0, 100, ROWS).astype(str)).dictionary_encode(),
    }
    columns = {name: made[kind]() for name, kind in COLUMNS.items()}
    noise = draw.normal(size=ROWS)
    columns["_target"] = columns["number0"] * 10 + columns["integer0"] / 100 + noise
    pq.write_table(pa.table(columns), path)


def load(folder: Path) -> tuple[folds.Fold, folds.Context]:
    """Return a fold of all rows of all files, nothing of its features read."""
    features: dict[str, Any] = {file.name: Stored("", file) for file in sorted(folder.iterdir())}
    count = len(features)
    spec = FitSpec(
        task="regression",
        metric="mae",
        family=FAMILY,
        columns={name: FeatureColumn.model_validate({"type": t}) for name, t in COLUMNS.items()},
        weighted=False,
        threads=1,
        seed=7,
    )
    rows = pa.table({"batch": list(features), "start": [0] * count, "stop": [ROWS] * count})
    (fold,), context, _ = folds.load(spec, [rows], features)
    return fold, context


def measure(way: str, folder: Path, saved: Path) -> dict[str, Any]:
    """Bin all files in one way, and grow trees; return MB, CPU seconds and the trees' digest."""
    before, started = peak(), time.process_time()
    if way == "alone":
        params = json.loads(saved.with_suffix(".json").read_text())
        data = lightgbm.Dataset(saved, params=params).construct()
    else:
        fold, context = load(folder)
        params = parameters(FAMILY, context)
        data = binned(params, fold, at_once=AT_ONCE[way])
        saved.with_suffix(".json").write_text(json.dumps(params))
    took, memory = time.process_time() - started, peak() - before
    text = lightgbm.train(params, data, TREES).model_to_string()
    grown = peak() - before
    if way != "alone":
        saved.unlink(missing_ok=True)
        data.save_binary(saved)
    trees = bytes_digest(text.partition("\nparameters:")[0].encode())[:12]
    return {"binned": memory, "grown": grown, "CPU s": took, "trees": trees}


def main() -> None:
    """Measure each way, in a new process, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[12, 120])
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--saved", type=Path)
    options = parser.parse_args()
    if options.way:
        sys.stdout.write(json.dumps(measure(options.way, options.folder, options.saved)))
        return
    sys.stdout.write("| rows | way | MB, binned | MB, grown | CPU s of binning | trees |\n")
    sys.stdout.write("| ---: | --- | ---: | ---: | ---: | --- |\n")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as own:
        have = 0
        for batches in sorted(options.batches):
            for number in range(have, batches):
                write(Path(folder) / f"{number:04d}.parquet", number)
            have = batches
            for way in WAYS:
                command = [sys.executable, "-m", "benchmarks.training_memory", "--way", way]
                command += ["--folder", folder, "--saved", f"{own}/rows.bin"]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                got = json.loads(done.stdout)
                sys.stdout.write(
                    f"| {batches * ROWS:,} | {way} | {got['binned']:.0f} | {got['grown']:.0f} "
                    f"| {got['CPU s']:.1f} | {got['trees']} |\n"
                )


if __name__ == "__main__":
    main()
