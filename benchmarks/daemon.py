"""From a file in the landing folder to the evaluated candidate: by the command, and by the daemon.

    python -m benchmarks.daemon [--repeats 3]

Both begin with the same home of eleven months in which all is made. December's files are copied
into its landing folders; then either `ml-assets run` is called, or the sensor of `ml-assets up`,
which has been running and has found nothing to do, takes them. Timed until the evaluation report of
a new candidate is recorded. The champion and the release follow after it.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from benchmarks.processes import CLI, tell
from benchmarks.run import MONTHS, Bench
from ml_assets.children.ports import free_port
from ml_assets.store.home import Home

REPORT = "flight_delay/evaluation_report"
PATIENCE = 600.0
SETTLE = 45.0
"""Seconds after the page answers, within which the sensor has found nothing to do."""


def copied(bench: Bench, before: Path, name: str) -> Path:
    """Return a copy of a home."""
    home = bench.folder / name
    shutil.copytree(before, home)
    return home


def deliver(bench: Bench, home: Path) -> None:
    """Put December's files where a delivery puts them."""
    for dataset in ("flights", "weather"):
        shutil.copy(bench.files / f"{dataset}-{MONTHS[-1]}.csv", home / "landing" / dataset)


def reported(home: Home, count: int, begin: float) -> float:
    """Wait for one more evaluation report than `count`; return the seconds since `begin`."""
    while len(home.records.versions(REPORT)) <= count:
        if time.monotonic() - begin > PATIENCE:
            raise SystemExit(f"{REPORT} was not made within {PATIENCE:.0f} s")
        time.sleep(0.1)
    return time.monotonic() - begin


def by_command(bench: Bench, home: Path) -> float:
    """Return the seconds until the report, if `ml-assets run` makes it."""
    state = Home(home, "dev")
    count = len(state.records.versions(REPORT))
    deliver(bench, home)
    begin = time.monotonic()
    with _process(bench, home, "run", REPORT):
        return reported(state, count, begin)


def by_daemon(bench: Bench, home: Path) -> float:
    """Return the seconds until the report, if the sensor finds the files."""
    state, port = Home(home, "dev"), free_port()
    count = len(state.records.versions(REPORT))
    with _process(bench, home, "up", "--port", port, "--mlflow-port", free_port()):
        _answers(port)
        time.sleep(SETTLE)
        deliver(bench, home)
        return reported(state, count, time.monotonic())


class _process:
    """A command in the benchmark's project; it is interrupted in the end, as by Ctrl-C."""

    def __init__(self, bench: Bench, home: Path, *words: object) -> None:
        self.child = subprocess.Popen(
            [*CLI, *map(str, words)],
            cwd=bench.folder,
            env={**bench.environ(), "ML_ASSETS_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(1)
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
        self.child.wait(120)


def _answers(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5).close()
            return
        time.sleep(0.5)
    raise SystemExit("Dagster's page does not answer")


def main() -> None:
    """Measure both, in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        before = bench.new_home("before")
        bench.command(before, "run")
        tell("| by `ml-assets run`, s | by the daemon, s | later by |\n| ---: | ---: | ---: |")
        for number in range(options.repeats):
            here = by_command(bench, copied(bench, before, f"command{number}"))
            there = by_daemon(bench, copied(bench, before, f"daemon{number}"))
            tell(f"| {here:.1f} | {there:.1f} | {there - here:.1f} |")


if __name__ == "__main__":
    main()
