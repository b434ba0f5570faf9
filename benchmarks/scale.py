"""How time and memory grow: ten times the rows and batches, and 500 small batches at once.

    python -m benchmarks.scale rows [--times 1 10]
    python -m benchmarks.scale batches [--days 500]

`rows` runs the graph of `flight_delay` kind by kind, each in a cold process, on the flights of
2013 and on as many years of them, keys and dates shifted. `batches` splits the same rows by day
and by month, and prints what a batch costs.
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
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.run import Bench
from ml_assets.cli.sample import write_sample

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
    with tempfile.TemporaryFile() as out, tempfile.NamedTemporaryFile() as cost:
        command = [sys.executable, "-m", "ml_assets", "run", *words, "--json"]
        child = subprocess.run(
            [sys.executable, "-S", "-c", LAUNCHER, cost.name, *command],
            cwd=bench.folder,
            env={**os.environ, "ML_ASSETS_HOME": str(home), "PYTHONPATH": str(bench.folder)},
            stdout=out,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        out.seek(0)
        document = json.loads(out.read() or b"{}")
        took = json.loads(cost.read())
    if child.returncode != 0:
        raise SystemExit(f"{words}: {document}")
    return document, Cost(*took)


def rows(bench: Bench, files: Path, times: list[int]) -> None:
    """Print seconds and memory by kind of asset, for so many years of flights."""
    sys.stdout.write(
        "| step | years | actions' cells | seconds | CPU seconds | largest process, MB |\n"
    )
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: | ---: |\n")
    for count in times:
        home = bench.folder / f"home{count}"
        land(files, home, count, ["year", "month"])
        time.sleep(5)  # a file must lie still for some seconds before it is taken
        for kind, assets in KINDS.items():
            done, cost = measured(bench, home, " or ".join(assets))
            row = [kind, count, len(done["executed"]), *(f"{value:.1f}" for value in cost[:2])]
            sys.stdout.write(f"| {' | '.join(map(str, row))} | {cost.memory:.0f} |\n")
            sys.stdout.flush()
        shutil.rmtree(home)


def batches(bench: Bench, files: Path, days: int) -> None:
    """Print what a small batch costs, beside the same rows in monthly batches."""
    found: dict[str, tuple[int, Cost]] = {}
    for name, by in (("month", ["year", "month"]), ("day", ["year", "month", "day"])):
        home = bench.folder / f"home-{name}"
        for dataset in ("flights", "weather"):
            spec = bench.defs / dataset / "defs.yaml"
            pattern = r"\d{4}-\d{2}(-\d{2})?"
            spec.write_text(spec.read_text().replace(r"\d{4}-\d{2})", f"{pattern})"))
        land(files, home, -(-(days + 5) // 365), by, every=40)
        held = trim(home, days if name == "day" else round(days / 30.4))
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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        files = Path(folder) / "sample"
        write_sample(files)
        if options.command == "rows":
            rows(bench, files, options.times)
        else:
            batches(bench, files, options.days)


if __name__ == "__main__":
    main()
