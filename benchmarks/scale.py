"""How time and memory grow: ten times the rows and batches, and 500 small batches at once.

    python -m benchmarks.scale rows [--times 1 10]
    python -m benchmarks.scale batches [--days 500]
    python -m benchmarks.scale columns [--counts 50 200 800]
    python -m benchmarks.scale guess [--rows 10 300000 10000000]

`rows` runs the graph of `flight_delay` kind by kind, each in a cold process, on the flights of
2013 and on as many years of them, keys and dates shifted. `batches` splits the same rows by day
and by month, and prints what a batch costs. `columns` reads and cleans made-up tables of 2,000 rows
by the spec that `new dataset` writes of them. `guess` measures that command on made-up tables of 20
columns, beside Arrow reading the same file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.processes import best
from benchmarks.run import Bench
from benchmarks.staged import stage
from benchmarks.tables import command
from ml_assets.engine.recipes.dataset import clean_spec, ingest_spec
from ml_assets.spec.project import read_project
from ml_assets.stages.memory import InMemory

KINDS = {
    "ingest and cleaning": [
        f"{dataset}/{asset}"
        for dataset in ("flights", "weather", "planes")
        for asset in ("raw", "cleaned", "quarantine")
    ],
    "features": ["flight_delay/features"],
    "splits": [f"flight_delay/{fold}_split" for fold in ("train", "validation", "test")],
    "candidate": ["flight_delay/candidate"],
    "evaluation report": ["flight_delay/evaluation_report"],
}


MONTH = ["year", "month"]
DAY = [*MONTH, "day"]


def years(files: Path, count: int) -> Iterator[tuple[str, int, pd.DataFrame]]:
    """Yield (dataset, year, its rows) of 2013, repeated with shifted years."""
    for dataset in ("flights", "weather"):
        parts = sorted(files.glob(f"{dataset}-2013-*.csv"))
        whole = pd.concat([pd.read_csv(part, dtype=str) for part in parts])
        for year in range(2013, 2013 + count):
            shifted = whole.assign(
                year=str(year), time_hour=whole["time_hour"].str.replace("2013", str(year))
            )
            yield dataset, year, shifted


def land(files: Path, home: Path, count: int, by: list[str], every: int = 1) -> None:
    """Write files into the landing folders, one for each value of the columns `by`."""
    for dataset, _, rows in years(files, count):
        folder = home / "landing" / dataset
        folder.mkdir(parents=True, exist_ok=True)
        chosen = rows.iloc[::every] if dataset == "flights" else rows
        for key, part in chosen.groupby(by):
            batch = "-".join(f"{int(value):02d}" for value in key)
            part.to_csv(folder / f"{dataset}-{batch}.csv", index=False)
    (home / "landing" / "planes").mkdir()
    shutil.copy(files / "planes.csv", home / "landing" / "planes")


# A process' largest memory counts that of the one that started it, which here holds tables: so a
# small one is between.
LAUNCHER = """
import json, os, sys, time
started = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - started
with open(sys.argv[1], "w") as file:
    json.dump([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024], file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Cost(NamedTuple):
    """What a run took: wall seconds, CPU seconds of all its processes, the largest one in MB."""

    seconds: float
    cpu: float
    memory: float


def measured(bench: Bench, home: Path, *words: str) -> tuple[dict[str, Any], Cost]:
    """Run the platform; return its document and what it took."""
    given = {"ML_ASSETS_HOME": str(home), "PYTHONPATH": str(bench.folder)}
    said, cost = costed(["-m", "ml_assets", "run", *words, "--json"], bench.folder, given)
    return json.loads(said), cost


def costed(words: list[str], cwd: Path, environ: dict[str, str]) -> tuple[bytes, Cost]:
    """Run Python in a cold process; return what it said and what it took."""
    with tempfile.TemporaryFile() as out, tempfile.NamedTemporaryFile() as cost:
        child = subprocess.run(
            [sys.executable, "-S", "-c", LAUNCHER, cost.name, sys.executable, *words],
            cwd=cwd,
            env={**os.environ, **environ},
            stdout=out,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        out.seek(0)
        said = out.read()
        took = json.loads(cost.read())
    if child.returncode != 0:
        raise SystemExit(f"{words}: {said.decode()}")
    return said, Cost(*took)


def rows(bench: Bench, times: list[int]) -> None:
    """Print seconds and memory by kind of asset, for so many years of flights."""
    sys.stdout.write(
        "| step | years | actions' cells | seconds | CPU seconds | largest process, MB |\n"
    )
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: | ---: |\n")
    for count in times:
        home = bench.folder / f"home{count}"
        land(bench.files, home, count, MONTH)
        time.sleep(5)  # a file must lie still for some seconds before it is taken
        for kind, assets in KINDS.items():
            done, cost = measured(bench, home, " or ".join(assets))
            row = [kind, count, len(done["executed"]), *(f"{value:.1f}" for value in cost[:2])]
            sys.stdout.write(f"| {' | '.join(map(str, row))} | {cost.memory:.0f} |\n")
            sys.stdout.flush()
        shutil.rmtree(home)


def small(bench: Bench, home: Path, count: int, by: list[str]) -> int:
    """Land a few flights of so many days or months in a new home; return how many there are."""
    for dataset in ("flights", "weather") if by is DAY else ():
        spec = bench.defs / dataset / "defs.yaml"
        text = spec.read_text().replace(r"\d{4}-\d{2})", r"\d{4}-\d{2}-\d{2})")
        spec.write_text(text.replace("period: month", "period: day"))
    days = count if by is DAY else round(count * 30.4)
    land(bench.files, home, -(-(days + 5) // 365), by, every=40)
    return trim(home, count)


def batches(bench: Bench, days: int) -> None:
    """Print what a small batch costs, beside the same rows in monthly batches."""
    found: dict[str, tuple[int, Cost]] = {}
    for name, by in (("month", MONTH), ("day", DAY)):
        home = bench.folder / f"home-{name}"
        held = small(bench, home, days if name == "day" else round(days / 30.4), by)
        time.sleep(5)
        done, cost = measured(bench, home)
        found[name] = held, cost
        sys.stdout.write(
            f"{held} batches by {name}: {len(done['run_ids'])} run, {len(done['executed'])} cells, "
            f"{cost.seconds:.1f} s, CPU {cost.cpu:.1f} s, largest process {cost.memory:.0f} MB\n"
        )
        shutil.rmtree(home)
    more = found["day"][0] - found["month"][0]
    for word, place in (("s", 0), ("CPU s", 1)):
        extra = (found["day"][1][place] - found["month"][1][place]) / more
        sys.stdout.write(f"{extra:.2f} {word} for each batch of flights, weather and features\n")


def columns(folder: Path, counts: list[int]) -> None:
    """Print the CPU seconds of reading and of cleaning tables with so many columns."""
    sys.stdout.write("| columns | reading | cleaning | cleaning, ms per column |\n")
    sys.stdout.write("| ---: | ---: | ---: | ---: |\n")
    command("init", "shop", cwd=folder)
    for count in counts:
        name, file = f"wide_{count}", folder / f"wide_{count}.csv"
        wide(count).to_csv(file, index=False)
        command("new", "dataset", name, str(file), cwd=folder / "shop")
        project = read_project(folder / "shop" / "shop" / "defs")
        landed, reading = InMemory(file.read_bytes()), ingest_spec(project, name)
        rules = clean_spec(project, name)
        ingest, clean = (
            stage("ml_assets.stages.ingest:ingest"),
            stage("ml_assets.stages.clean:clean"),
        )
        parsed = ingest(reading, landed=landed).outputs
        inputs = {each: InMemory(parsed[each]) for each in ("raw", "rejects", "summary")}
        took = [
            best(partial(ingest, reading, landed=landed)),
            best(partial(clean, rules, **inputs)),
        ]
        sys.stdout.write(
            f"| {count} | {took[0]:.2f} | {took[1]:.2f} | {1000 * took[1] / count:.1f} |\n"
        )
        sys.stdout.flush()


def wide(count: int, rows: int = 2000) -> pd.DataFrame:
    """Return a table of measurements, some missing, whole numbers and letters in turn."""
    draw = np.random.default_rng(1)
    kinds = (
        lambda: draw.normal(size=rows).round(3),
        lambda: draw.integers(0, 1000, rows),
        lambda: draw.choice(list("abcde"), rows),
        lambda: np.where(draw.random(rows) < 0.1, np.nan, draw.normal(size=rows).round(2)),
    )
    return pd.DataFrame({f"c{number}": kinds[number % 4]() for number in range(count)})


# One thread and one piece at a time, as `new dataset` reads.
READER = """
import sys
from pyarrow import csv
for piece in csv.open_csv(sys.argv[1], read_options=csv.ReadOptions(use_threads=False)):
    pass
"""


def guess(folder: Path, counts: list[int]) -> None:
    """Print what guessing costs beside reading, for tables of so many rows."""
    sys.stdout.write(
        "| rows | MB | reading, CPU s | `new dataset`, CPU s | largest process, MB |\n"
    )
    sys.stdout.write("| ---: | ---: | ---: | ---: | ---: |\n")
    command("init", "shop", cwd=folder)
    for count in counts:
        name, file = f"drawn_{count}", folder / f"drawn_{count}.csv"
        drawn(file, count)
        _, read = costed(["-c", READER, str(file)], folder, {})
        words = ["-m", "ml_assets", "new", "dataset", name, str(file)]
        _, cost = costed(words, folder / "shop", {})
        size = file.stat().st_size / 1e6
        sys.stdout.write(
            f"| {count:,} | {size:,.1f} | {read.cpu:.1f} | {cost.cpu:.1f} | {cost.memory:.0f} |\n"
        )
        sys.stdout.flush()
        file.unlink()


def drawn(file: Path, rows: int) -> None:
    """Write a table of an id, a time, texts, categories, whole numbers and measurements."""
    draw, piece = np.random.default_rng(1), 100_000
    for first in range(0, rows, piece):
        size = min(piece, rows - first)
        numbers = np.arange(first, first + size)
        columns: dict[str, Any] = {
            "order_id": [f"A{number:09d}" for number in numbers],
            "at": pd.Timestamp("2020-01-01") + pd.to_timedelta(numbers * 15, unit="s"),
            "postcode": [f"{number:05d}" for number in draw.integers(1000, 99_999, size)],
            "paid": draw.choice(["yes", "no"], size),
        }
        columns |= {f"kind_{n}": draw.choice(list("abcdefgh"), size) for n in range(4)}
        columns |= {f"count_{n}": draw.integers(0, 5000, size) for n in range(4)}
        columns |= {f"amount_{n}": draw.normal(100, 30, size).round(2) for n in range(6)}
        columns |= {
            f"sensor_{n}": np.where(
                draw.random(size) < 0.1, np.nan, draw.normal(size=size).round(3)
            )
            for n in range(2)
        }
        pd.DataFrame(columns).to_csv(file, mode="a", header=first == 0, index=False)


def trim(home: Path, count: int) -> int:
    """Keep the first batches that both datasets have (a day has no weather); return how many."""
    names = {
        dataset: {
            path.name.removeprefix(f"{dataset}-"): path
            for path in (home / "landing" / dataset).iterdir()
        }
        for dataset in ("flights", "weather")
    }
    kept = sorted(set(names["flights"]) & set(names["weather"]))[:count]
    for paths in names.values():
        for batch in set(paths) - set(kept):
            paths[batch].unlink()
    return len(kept)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("rows").add_argument("--times", type=int, nargs="+", default=[1, 10])
    commands.add_parser("batches").add_argument("--days", type=int, default=500)
    some = commands.add_parser("columns")
    some.add_argument("--counts", type=int, nargs="+", default=[50, 200, 800])
    some = commands.add_parser("guess")
    some.add_argument("--rows", type=int, nargs="+", default=[10, 300_000, 10_000_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.command == "columns":
            columns(Path(folder), options.counts)
            return
        if options.command == "guess":
            guess(Path(folder), options.rows)
            return
        bench = Bench(Path(folder))
        if options.command == "rows":
            rows(bench, options.times)
        else:
            batches(bench, options.days)


if __name__ == "__main__":
    main()
