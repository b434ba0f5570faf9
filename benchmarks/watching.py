"""What the alarms over batches cost while a run shows the monitoring reports of many days.

    python -m benchmarks.watching --days 400 --inputs 23

makes a home with a report for each day, and measures the CPU time to say after each day how it
stood: with the reports read once, as a run does, and read anew for each day. The time is that of
Python and SQLite alone; what Dagster and the pages take is not in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from ml_assets.operations.watched import ASSET, followed, watched
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Product
from ml_assets.workspace import locate

MODEL = "flight_delay"


def main() -> None:
    """Print the CPU seconds of both ways."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--days", type=int, nargs="+", default=[100, 200, 400])
    asked.add_argument("--inputs", type=int, default=23)
    given = asked.parse_args()
    from ml_assets.spec.project import read_project

    project = read_project(locate().defs)
    print(f"{'days':>6} {'read once':>10} {'read for each day':>18}   CPU seconds")
    for days in given.days:
        with filled(days, given.inputs) as (home, names):
            once, each = timed(home, project, names)
        print(f"{days:>6} {once:>10.2f} {each:>18.2f}")


@contextmanager
def filled(days: int, inputs: int) -> Iterator[tuple[Home, list[str]]]:
    """Give a home with the reports of so many days."""
    drawn = np.random.default_rng(1)
    names = [(date(2024, 1, 1) + timedelta(days=n)).isoformat() for n in range(days)]
    checks = [
        {"name": name, "passed": True, "severity": "warn", "description": "", "metadata": {}}
        for name in ("input_drift", "joint_drift", "prediction_drift", "realized_metric")
    ]
    products = [
        Product(
            f"{MODEL}/{ASSET}",
            name,
            {},
            {},
            checks,
            {"monitoring": {"numbers": _numbers(drawn.random(inputs + 1))}},
        )
        for name in names
    ]
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder), "dev")
        try:
            home.records.record("dev", products, "run")
            yield home, names
        finally:
            home.close()


def _numbers(values: np.ndarray) -> dict[str, float]:
    effects = {f"effect_column{n:02}": float(value) for n, value in enumerate(values[1:])}
    return {"joint_auc": float(values[0]), **effects}


def timed(home: Home, project: Project, names: list[str]) -> tuple[float, float]:
    """Return the CPU seconds with the reports read once, and read for each day."""

    def once() -> None:
        found = followed(home, project, MODEL)
        assert found is not None
        for name in names:
            found.upto(name)

    def each() -> None:
        for name in names:
            watched(home, project, MODEL, upto=name)

    return _cpu(once), _cpu(each)


def _cpu(work: Callable[[], None]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
