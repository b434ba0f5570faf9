"""What LightGBM's binning takes, of one Arrow table and of batches that are read one by one.

    python -m benchmarks.training_memory [--batches 120]

Made-up rows, 28,000 a batch, 24 columns of the types of `flight_delay`. Each way runs in a process
of its own; memory is what it takes beyond what it had before it read the first batch. LightGBM's
reader of batches is its `Sequence`. Trees are grown on both, to see whether they are the same.
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

from benchmarks.split_memory import ROWS, peak
from ml_assets.store.digest import bytes_digest

SETTINGS: dict[str, Any] = {
    "objective": "regression_l1",
    "num_threads": 1,
    "seed": 7,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
TREES = 20
WAYS = ("table", "batches")


def write(path: Path, number: int) -> None:
    """Write a batch: 10 measured columns, 8 whole numbers, 4 flags and 2 categories."""
    draw = np.random.default_rng(number)
    columns: dict[str, Any] = {f"n{i}": np.round(draw.normal(size=ROWS), 2) for i in range(10)}
    columns |= {f"i{i}": draw.integers(0, 1440, ROWS).astype(np.int16) for i in range(8)}
    columns |= {f"b{i}": draw.integers(0, 2, ROWS).astype(np.int8) for i in range(4)}
    columns |= {f"c{i}": draw.integers(0, 100, ROWS).astype(np.int8) for i in range(2)}
    target = columns["n0"] * 10 + columns["i0"] / 100 + draw.normal(size=ROWS)
    pq.write_table(pa.table({**columns, "target": target}), path)


class Rows(lightgbm.Sequence):
    """The rows of a file, read when they are asked for."""

    batch_size = ROWS
    held: tuple[Path | None, Any] = None, None
    """The file that was read last: LightGBM asks for its sample row by row."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, place: Any) -> Any:
        if Rows.held[0] != self._path:
            Rows.held = None, None
            table = pq.read_table(self._path, use_threads=False).drop_columns(["target"])
            columns = [column.to_numpy().astype(np.float64) for column in table.columns]
            Rows.held = self._path, np.column_stack(columns)
        return Rows.held[1][place]


def binned(way: str, files: list[Path]) -> Any:
    """Return the rows of all files as LightGBM holds them."""
    parts = [pq.read_table(file, columns=["target"], use_threads=False)["target"] for file in files]
    target = np.concatenate([part.to_numpy() for part in parts])
    data: Any = [Rows(file) for file in files]
    if way == "table":
        tables = [pq.read_table(file, use_threads=False) for file in files]
        data = pa.concat_tables(tables).drop_columns(["target"])
        del tables
    found = lightgbm.Dataset(data, label=target, params=SETTINGS, categorical_feature=[22, 23])
    del data
    return found.construct()


def measure(way: str, folder: Path) -> dict[str, Any]:
    """Bin all files in one way; return MB, CPU seconds and the trees' digest."""
    files = sorted(folder.iterdir())
    before, started = peak(), time.process_time()
    data = binned(way, files)
    took, memory = time.process_time() - started, peak() - before
    text = lightgbm.train(SETTINGS, data, TREES).model_to_string()
    return {"MB": memory, "CPU s": took, "trees": bytes_digest(text.encode())[:12]}


def main() -> None:
    """Measure both ways, each in a new process, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batches", type=int, default=120)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.way:
        sys.stdout.write(json.dumps(measure(options.way, options.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.batches):
            write(Path(folder) / f"{number:04d}.parquet", number)
        rows = options.batches * ROWS
        sys.stdout.write("| rows | way | MB | bytes a row | CPU s | trees |\n")
        sys.stdout.write("| ---: | --- | ---: | ---: | ---: | --- |\n")
        for way in WAYS:
            command = [sys.executable, "-m", "benchmarks.training_memory", "--way", way]
            done = subprocess.run(
                [*command, "--folder", folder], check=True, capture_output=True, text=True
            )
            got = json.loads(done.stdout)
            each = got["MB"] * 2**20 / rows
            sys.stdout.write(
                f"| {rows:,} | {way} | {got['MB']:.0f} | {each:.0f} "
                f"| {got['CPU s']:.1f} | {got['trees']} |\n"
            )


if __name__ == "__main__":
    main()
