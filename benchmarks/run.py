"""Measure the platform beside the plain script, and print the ratios.

    python -m benchmarks.run [--repeats 3] [--only "new month",parameter]

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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.processes import CLI, ROOT, Taken, output_of, shell, timed
from ml_assets.cli.sample import write_sample
from ml_assets.scaffold.project import DG

MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]
LIMITS = {
    "full": 1.2,
    "nothing": 0.15,
    "new month": 0.8,
    "comment": 0.15,
    "renamed local": 0.45,
    "parameter": 0.7,
    "real edit": 1.1,
    "everything": 1.6,
}
"""Operations in order, and their aims: wall seconds over those of the plain script."""
TO_REPORT = "not (flight_delay/champion or flight_delay/release)"
"""Up to the evaluated candidate, which is what the plain script does."""
CPU_LIMIT = 1.5
EVERYTHING = "everything"
"""The full run with gate and release, in a home of its own."""


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
        (self.folder / "pyproject.toml").write_text(DG.format(package="bench"))
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

    def plain(self, last: str = MONTHS[-2]) -> Taken:
        """Run the plain script on all months up to one."""
        words = [sys.executable, "-m", "benchmarks.plain", self.features, self.files, last]
        return timed(
            lambda: subprocess.run(
                words, cwd=self.folder, env=self.environ(), check=True, capture_output=True
            )
        )

    def run(self, home: Path, *words: str) -> tuple[Taken, dict[str, Any]]:
        """Run the platform; return what it took and what it says it did."""
        said: list[str] = []
        took = timed(lambda: said.append(self.command(home, "run", *words, "--json")))
        return took, json.loads(said[0])


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
    """Return what is done before each timed run, in order; all on one home."""
    clean = bench.package / "stages" / "clean.py"
    model = bench.defs / "flight_delay" / "defs.yaml"
    flights = bench.defs / "flights" / "defs.yaml"
    return {
        "full": _nothing,
        "nothing": _nothing,
        "new month": lambda: bench.land(home, MONTHS[-1]),
        "comment": lambda: append(clean, "# A comment."),
        "renamed local": lambda: clean.write_text(
            re.sub(r"\bleft_out\b", "removed_by", clean.read_text())
        ),
        "parameter": lambda: edit(model, r"num_leaves: \d+", "num_leaves: 61"),
        "real edit": lambda: edit(flights, r"arr_delay\.isna\(\)", "arr_delay.isna() or day == 31"),
    }


def _nothing() -> None:
    return


@dataclass(frozen=True)
class Measured:
    """One operation, and the plain script that ran just before it."""

    plain: Taken
    ours: Taken
    said: dict[str, Any]


def one_repeat(bench: Bench, number: int, asked: set[str]) -> dict[str, Measured]:
    """Run both sides in turns, once for each operation."""
    bench.write_project()
    home, measured = bench.new_home(f"home{number}"), {}
    last = MONTHS[-2]
    for name, prepare in operations(bench, home).items():
        prepare()
        last = MONTHS[-1] if name == "new month" else last
        if name in asked:
            plain = bench.plain(last)
            measured[name] = Measured(plain, *bench.run(home, TO_REPORT))
    shutil.rmtree(home)
    if EVERYTHING in asked:
        bench.write_project()
        home = bench.new_home(f"whole{number}")
        measured[EVERYTHING] = Measured(bench.plain(), *bench.run(home))
        shutil.rmtree(home)
    return measured


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(LIMITS))
    options = parser.parse_args()
    if unknown := set(options.only) - set(LIMITS):
        raise SystemExit(f"--only: {', '.join(sorted(unknown))}; there is {', '.join(LIMITS)}")
    asked = {"full", *options.only}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        repeats = [one_repeat(bench, number, asked) for number in range(options.repeats)]
    sys.stdout.write(
        "| operation | plain script, s | ours / plain | aim | CPU s, plain | CPU s, ours "
        f"| CPU, ours / plain (aim {CPU_LIMIT}) | executed | reused |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |\n"
    )
    for name in repeats[0]:
        sys.stdout.write(row(name, [repeat[name] for repeat in repeats]))


def row(name: str, measured: list[Measured]) -> str:
    """Return the medians of an operation's repeats as a line of the table."""

    def median(of: Callable[[Measured], float]) -> float:
        return statistics.median(map(of, measured))

    said = measured[-1].said
    figures = [
        f"{median(lambda m: m.plain.seconds):.1f}",
        f"{median(lambda m: m.ours.seconds / m.plain.seconds):.2f}",
        f"{LIMITS[name]}",
        f"{median(lambda m: m.plain.cpu):.1f}",
        f"{median(lambda m: m.ours.cpu):.1f}",
        f"{median(lambda m: m.ours.cpu / m.plain.cpu):.2f}",
        counted(said["executed"]),
        str(len(said["reused"])),
    ]
    return f"| {name} | {' | '.join(figures)} |\n"


def counted(cells: list[str]) -> str:
    """Return assets with how many of their batches ran."""
    found: dict[str, int] = {}
    for cell in cells:
        asset = cell.partition("@")[0]
        found[asset] = found.get(asset, 0) + 1
    return ", ".join(f"{asset} x{n}" if n > 1 else asset for asset, n in found.items()) or "-"


if __name__ == "__main__":
    main()
