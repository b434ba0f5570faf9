"""Measure the platform beside the plain script, and print the ratios.

    python -m benchmarks.run [--repeats 3] [--only full,december]

Both sides work on `flight_delay` without the tuned family, in a project of its own. Each
operation is a cold process; the two sides take turns; medians are printed, with what ran.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.processes import CLI, ROOT, output_of, shell
from ml_assets.cli.sample import write_sample

MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]
LIMITS = {
    "full": 1.2,
    "gate and release": 0.4,
    "nothing": 0.15,
    "comment": 0.15,
    "same cleaning": 0.45,
    "parameter": 0.7,
    "december": 0.8,
}
"""Operations and their aims."""
TO_REPORT = "not (flight_delay/champion or flight_delay/release)"
"""Up to the evaluated candidate, which is what the plain script does."""
SELECTED = {"full": TO_REPORT, "december": TO_REPORT}
WHOLE = "full, gate and release"
ADDED = "gate and release"
"""What a full run with them takes beyond one without."""


class Bench:
    """A project of its own in a temporary folder, and its homes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.defs = folder / "bench" / "defs"
        self.features = self.defs / "flight_delay" / "features.py"
        self.package = folder / "ml_assets"
        write_sample(self.files)
        self.write_project()

    def write_project(self) -> None:
        """Copy package and specs, with `flight_delay` alone and without the tuned family."""
        for old in (self.folder / "bench", self.package):
            shutil.rmtree(old, ignore_errors=True)
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "ml_assets", self.package, ignore=leave)
        shutil.copytree(
            ROOT / "benchmarks", self.folder / "benchmarks", ignore=leave, dirs_exist_ok=True
        )
        for name in ("flights", "weather", "planes", "flight_delay"):
            shutil.copytree(ROOT / "ml_assets" / "defs" / name, self.defs / name, ignore=leave)
        spec = self.defs / "flight_delay" / "defs.yaml"
        document = yaml.safe_load(spec.read_text())
        families = document["attributes"]["training"]["families"]
        document["attributes"]["training"]["families"] = {
            name: family
            for name, family in families.items()
            if family["family"] != "lightgbm_tuned"
        }
        spec.write_text(yaml.safe_dump(document, sort_keys=False))
        (self.folder / "pyproject.toml").write_text(
            '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "bench"\n'
        )
        (self.folder / "bench" / "__init__.py").touch()

    def new_home(self, name: str) -> Path:
        """Make an empty home with January to November landed."""
        home = self.folder / name
        shutil.rmtree(home, ignore_errors=True)
        for month in MONTHS[:-1]:
            self.land(home, month)
        self.command(home, "land", "planes", str(self.files / "planes.csv"))
        return home

    def land(self, home: Path, month: str) -> None:
        """Land a month of flights and weather."""
        for dataset in ("flights", "weather"):
            self.command(home, "land", dataset, str(self.files / f"{dataset}-{month}.csv"))

    def command(self, home: Path, *words: str) -> str:
        """Run an ml-assets command as a user would, in a cold process."""
        return output_of((*CLI, *words), home, self.environ(), self.folder)

    def environ(self) -> dict[str, str]:
        """Return a shell's environment in which the project's copy is imported."""
        return {**shell(), "PYTHONPATH": str(self.folder)}

    def plain(self) -> float:
        """Run the plain script; return its wall seconds."""
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "benchmarks.plain", self.features, self.files],
            cwd=self.folder,
            env=self.environ(),
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - started

    def run(self, home: Path, *words: str) -> tuple[float, dict[str, Any]]:
        """Run the platform; return wall seconds and what it says it did."""
        started = time.perf_counter()
        said = json.loads(self.command(home, "run", *words, "--json"))
        return time.perf_counter() - started, said


def append(path: Path, line: str) -> None:
    """Add a line to a source."""
    path.write_text(f"{path.read_text()}\n{line}\n")


def edit(path: Path, pattern: str, replacement: str) -> None:
    """Replace the first match in a source; it must be there."""
    text = path.read_text()
    changed, count = re.subn(pattern, replacement, text, count=1)
    if count != 1:
        raise SystemExit(f"{path}: nothing matches {pattern!r}")
    path.write_text(changed)


def operations(bench: Bench, home: Path) -> dict[str, Callable[[], None]]:
    """Return what is done before each timed run, in order; all on one home with all made."""
    clean = bench.package / "stages" / "clean.py"
    model = bench.defs / "flight_delay" / "defs.yaml"
    return {
        "nothing": _nothing,
        "comment": lambda: append(clean, "# A comment."),
        "same cleaning": lambda: append(clean, "UNUSED = 1"),
        "parameter": lambda: edit(model, r"num_leaves: \d+", "num_leaves: 61"),
        "december": lambda: bench.land(home, MONTHS[-1]),
    }


def _nothing() -> None:
    return


def one_repeat(
    bench: Bench, number: int, asked: set[str], said: dict[str, dict[str, Any]]
) -> tuple[float, dict[str, float]]:
    """Run both sides once; return seconds of the plain script and of each operation.

    `said` is filled with what each run says it did.
    """
    bench.write_project()
    home = bench.new_home(f"home{number}")
    plain = bench.plain()
    homes = {"full": home}
    if asked - {"full", "december"}:
        # The other operations are measured where champion and release are made too.
        homes[WHOLE] = bench.new_home(f"whole{number}")
    grown = homes.get(WHOLE, home)
    runs = dict.fromkeys(homes, _nothing)
    runs |= {name: before for name, before in operations(bench, grown).items() if name in asked}
    taken = {}
    for name, prepare in runs.items():
        prepare()
        words = [SELECTED[name]] if name in SELECTED else []
        taken[name], said[name] = bench.run(homes.get(name, grown), *words)
    for used in homes.values():
        shutil.rmtree(used)
    return plain, taken


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(LIMITS))
    options = parser.parse_args()
    if unknown := set(options.only) - set(LIMITS):
        raise SystemExit(f"--only: {', '.join(sorted(unknown))}; there is {', '.join(LIMITS)}")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        plain: list[float] = []
        seconds: dict[str, list[float]] = {}
        said: dict[str, dict[str, Any]] = {}
        for repeat in range(options.repeats):
            floor, taken = one_repeat(bench, repeat, set(options.only), said)
            plain.append(floor)
            for name, value in taken.items():
                seconds.setdefault(name, []).append(value)
    if WHOLE in seconds:
        seconds[ADDED] = [a - b for a, b in zip(seconds[WHOLE], seconds["full"], strict=True)]
        done = set(said["full"]["executed"])
        said[ADDED] = {
            "executed": [cell for cell in said[WHOLE]["executed"] if cell not in done],
            "reused": [],
        }
    floor = statistics.median(plain)
    sys.stdout.write(f"plain script: {floor:.1f} s (of {', '.join(f'{x:.1f}' for x in plain)})\n")
    sys.stdout.write(
        "| operation | ratio | limit | executed | reused |\n| --- | --- | --- | --- | --- |\n"
    )
    for name, taken in seconds.items():
        ratio = statistics.median(t / p for t, p in zip(taken, plain, strict=True))
        done = said[name]
        sys.stdout.write(
            f"| {name} | {ratio:.2f} | {LIMITS.get(name) or ''} | {counted(done['executed'])} "
            f"| {len(done['reused'])} |\n"
        )


def counted(cells: list[str]) -> str:
    """Return assets with how many of their batches ran."""
    found: dict[str, int] = {}
    for cell in cells:
        asset = cell.partition("@")[0]
        found[asset] = found.get(asset, 0) + 1
    return ", ".join(f"{asset} x{n}" if n > 1 else asset for asset, n in found.items()) or "-"


if __name__ == "__main__":
    main()
