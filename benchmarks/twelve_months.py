"""Land the months of 2013 one at a time, and print what the gate decided after each.

    python -m benchmarks.twelve_months [--home FOLDER] [--months 12] [--models flight_delay,…]

Each month is landed and run by the commands a person would use, each in a cold process. The
tables are made from the promotion log and the decisions that it names, of all models shipped.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.processes import CLI, shipped
from ml_assets.cli.sample import write_sample
from ml_assets.store.home import Home
from ml_assets.store.promotions import LogEntry

HEAD = (
    "newest month",
    "candidate",
    "champion before",
    "rows left of test",
    "metric",
    "champion",
    "candidate's",
    "decision",
    "reason",
)


def command(home: Path, *words: object) -> None:
    """Run an ml-assets command in a process of its own; a failure ends the benchmark."""
    shipped((*CLI, *words), home)


def land_and_run(home: Path, files: Path, month: str) -> None:
    """Land a month of flights and weather, and run until nothing is left to do."""
    for dataset in ("flights", "weather"):
        command(home, "land", dataset, files / f"{dataset}-{month}.csv")
    command(home, "run")


def rows(root: Path, model: str, months: dict[int, str]) -> Iterator[tuple[str, ...]]:
    """Yield a line for each decision on a model; `months` says after which month an entry came."""
    home = Home(root, "dev")
    for entry in home.promotions.verify("dev", model):
        decision = home.objects.json(entry.evidence["decision"])
        yield _line(entry, decision, months[entry.number])
    home.close()


def _line(entry: LogEntry, decision: dict[str, Any], month: str) -> tuple[str, ...]:
    found = decision["rows"]
    left = "-" if found is None else f"{found['left']:,} of {found['test']:,}"
    figures = decision["figures"].get("unseen") or {}
    before = "-" if entry.previous is None else f"v{entry.previous['version']}"
    values = [figures.get(name) for name in ("champion", "candidate")]
    shown = ["-" if value is None else f"{value:.4g}" for value in values]
    return (
        month,
        f"v{entry.version}",
        before,
        left,
        decision["metric"],
        *shown,
        entry.action,
        entry.reason,
    )


def length(root: Path, model: str) -> int:
    """Return how many decisions a model's log holds."""
    home = Home(root, "dev")
    try:
        return home.promotions.length("dev", model)
    finally:
        home.close()


def main() -> None:
    """Land, run and print; a line on stderr after each month."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a new folder that is kept")
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--models", default="flight_delay,late_arrival")
    options = parser.parse_args()
    models = options.models.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        home = (options.home or Path(temporary) / "home").absolute()
        files = Path(temporary) / "files"
        write_sample(files)
        command(home, "land", "planes", files / "planes.csv")
        after: dict[str, dict[int, str]] = {model: {} for model in models}
        for number in range(1, options.months + 1):
            month = f"2013-{number:02d}"
            land_and_run(home, files, month)
            for model in models:
                after[model].setdefault(length(home, model), month)
            print(month, {m: length(home, m) for m in models}, file=sys.stderr, flush=True)
        for model in models:
            print(f"\n### {model}\n\n| {' | '.join(HEAD)} |\n|{' --- |' * len(HEAD)}")
            for line in rows(home, model, after[model]):
                print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
