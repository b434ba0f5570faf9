"""How a run grows with the months that are there: all of it, nothing, and one new month.

    python -m benchmarks.growth [--months 12 48 144]

The flights of 2013 with shifted years, up to the evaluated candidate. `one new month` is the month
after the last; what it costs beyond its candidate, which learns from all months, is the same run
less one in which only the training changes (a hyper-parameter).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.processes import tell
from benchmarks.run import TO_REPORT, Bench, edit
from benchmarks.scale import MONTH, Cost, land, measured

STILL = 5.0
"""Seconds for which a file must lie still before it is taken."""


def grown(bench: Bench, months: int) -> dict[str, tuple[int, Cost]]:
    """Return cells and cost of each operation on a home of so many months."""
    bench.write_project()
    home, aside = bench.folder / f"home{months}", bench.folder / "aside"
    land(bench.files, home, -(-(months + 1) // 12), MONTH)
    for dataset in ("flights", "weather"):
        (aside / dataset).mkdir(parents=True, exist_ok=True)
        later = sorted((home / "landing" / dataset).iterdir())[months:]
        for path in later:
            path.rename(aside / dataset / path.name)

    def operation() -> tuple[int, Cost]:
        time.sleep(STILL)
        done, cost = measured(bench, home, TO_REPORT)
        return len(done["executed"]), cost

    found = {"full": operation(), "nothing": operation()}
    model = bench.defs / "flight_delay" / "defs.yaml"
    edit(model, r"num_leaves: \d+", "num_leaves: 61")
    found["one parameter"] = operation()
    for dataset in ("flights", "weather"):
        first = min((aside / dataset).iterdir())
        first.rename(home / "landing" / dataset / first.name)
    found["one new month"] = operation()
    for old in (home, aside):
        shutil.rmtree(old)
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--months", type=int, nargs="+", default=[12, 48, 144])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        tell("| months | operation | cells | seconds | CPU s | largest process, MB |")
        tell("| ---: | --- | ---: | ---: | ---: | ---: |")
        for months in options.months:
            for name, (cells, cost) in grown(bench, months).items():
                figures = f"{cost.seconds:.1f} | {cost.cpu:.1f} | {cost.memory:.0f}"
                tell(f"| {months} | {name} | {cells} | {figures} |")


if __name__ == "__main__":
    main()
