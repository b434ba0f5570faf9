"""What a policy of training costs: CPU of a plan, and of the sensor's ticks, while it defers.

    python -m benchmarks.policy [--repeats 5] [--home FOLDER]

The demo's flights and weather, of which eleven months train; then December lands, with labels, and
is deferred by a policy that reads every figure there is. Each plan is a cold process, its imports
included; ticks are those of one process, as in Dagster's daemon, after one that planned. The least
of the repeats is shown. FOLDER is where all of it is kept, and found again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.processes import CLI, ROOT, output_of, shell, tell
from docs.year.project import PACKAGE, write_project
from ml_assets.cli.sample import write_sample
from ml_assets.engine.retrain.evidence import FILE

MODEL = "flight_delay"
POLICY = {
    "when": {
        "all": [
            {"new_rows": 10_000_000},
            "drift",
            {"loss": "estimated"},
            {"loss": "realized"},
            {"every": "1 year"},
        ]
    }
}
"""All of it is never so, whatever the rows are like."""
DECEMBER = "2013-12"
TICKS = 20


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--ticks", action="store_true")
    given = parser.parse_args()
    if given.ticks:
        sys.stdout.write(json.dumps(ticked()))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.home or Path(temporary)).resolve()
        place = Place(folder)
        if not folder.exists() or not any(folder.iterdir()):
            place.prepare()
        tell("| what | CPU s |")
        tell("| --- | ---: |")
        place.settled(given.repeats)
        place.deferred(given.repeats)


class Place:
    """A project with a home, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project, self.home = folder, folder / "project", folder / "home"
        path = os.pathsep.join([str(ROOT), str(self.project)])
        self._environ = {**shell(), "PYTHONPATH": path}

    def command(self, *words: object) -> str:
        """Run a command in a cold process."""
        return output_of((*CLI, *words), self.home, self._environ, self.project)

    def prepare(self) -> None:
        """Make the champion of eleven months."""
        write_project(self.project)
        spec = self.project / PACKAGE / "defs" / MODEL / "defs.yaml"
        yaml = YAML()
        document = yaml.load(spec.read_text())
        document["attributes"] |= {"retrain": POLICY, "monitoring": {}}
        document["attributes"]["gate"]["mode"] = "automatic"
        yaml.dump(document, spec)
        files = write_sample(self.folder / "sample")
        for name, paths in files.items():
            for path in paths:
                if DECEMBER not in path.name:
                    self.command("land", name, path)
        self.command("run")

    def settled(self, repeats: int) -> None:
        """Measure where nothing is to do."""
        assert not json.loads(self.command("plan", "--json"))["deferred"]
        _line("plan, nothing to do", self._plan(repeats))
        _line("tick, nothing to do", self._ticks())

    def deferred(self, repeats: int) -> None:
        """Measure where December is deferred."""
        for name in ("flights", "weather"):
            self.command("land", name, self.folder / "sample" / f"{name}-{DECEMBER}.csv")
        self.command("run")
        (row,) = json.loads(self.command("plan", "--json"))["deferred"]
        known = next(self.home.rglob(FILE))
        _line("plan, deferred, rows counted anew", self._plan(repeats, known.unlink))
        _line("plan, deferred", self._plan(repeats))
        _line("tick, deferred", self._ticks())
        tell(f"\n{row['reason']}")

    def _plan(self, repeats: int, before: Callable[[], None] = lambda: None) -> float:
        return min(self._planned(before) for _ in range(repeats))

    def _planned(self, before: Callable[[], None]) -> float:
        """Return the CPU seconds of a plan."""
        before()
        child = subprocess.Popen(
            [*CLI, "plan", "--json"],
            cwd=self.project,
            env={**self._environ, "ML_ASSETS_HOME": str(self.home)},
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return usage.ru_utime + usage.ru_stime

    def _ticks(self) -> float:
        words = [sys.executable, "-m", "benchmarks.policy", "--ticks"]
        seconds: float = json.loads(output_of(words, self.home, self._environ, self.project))
        return seconds


def ticked() -> float:
    """Return the least CPU seconds of a tick of the sensor here, after one that planned."""
    import dagster as dg

    from ml_assets.graph.build import definitions_here

    sensor: Any = definitions_here().resolve_sensor_def("reconcile")
    cursor, seconds = None, []
    with dg.DagsterInstance.ephemeral() as instance:
        for number in range(TICKS):
            begun = time.process_time()
            context = dg.build_sensor_context(instance=instance, cursor=cursor)
            data = sensor.evaluate_tick(context)
            seconds.append(time.process_time() - begun)
            cursor, said = data.cursor, data.skip_message or ""
            wanted = "no changes since the last check" if number else "nothing to do"
            assert said.startswith(wanted), said
    return min(seconds[1:])


def _line(what: str, seconds: float) -> None:
    tell(f"| {what} | {seconds:.3f} |")


if __name__ == "__main__":
    main()
