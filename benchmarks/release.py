"""Time what a person waits for around a release, on a home that has two champions.

    python -m benchmarks.release HOME MODEL [--repeats 3]

Works on a copy of the home. Each operation is a cold process; beside it stands the same process
that only imports what the operation imports, so that the difference is its own work. CPU seconds
(user and system, children included), the median.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.processes import CLI, shipped

IMPORTS = {
    "rollback": "import ml_assets.cli.promotions, ml_assets.plan.recheck, mlflow, pandas, lightgbm",
    "verify": "import ml_assets.cli.release, ml_assets.adapters.bundle_score, pyarrow",
}
"""What an operation imports, in one process or another."""


def cpu(words: Sequence[object], home: Path) -> float:
    """Return the CPU seconds of a process and its children; a failure ends the benchmark."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shipped(words, home)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def operations(home: Path, out: Path, model: str) -> Mapping[str, Callable[[], float]]:
    """Return each operation by name; a rollback is undone by a promotion, which is not timed."""

    def rollback() -> float:
        taken = cpu((*CLI, "rollback", model, "--reason", "benchmark"), home)
        cpu((*CLI, "promote", model, newest, "--reason", "benchmark"), home)
        return taken

    newest = champion(home, model)
    cpu((*CLI, "release", model, "--out", out), home)
    (bundle,) = (path for path in out.iterdir() if path.suffix == ".zip")
    return {"rollback": rollback, "verify": lambda: cpu((*CLI, "verify", bundle), home)}


def champion(home: Path, model: str) -> str:
    """Return the version that is champion."""
    from ml_assets.store.home import Home

    store = Home(home, "dev")
    try:
        found = store.promotions.champion("dev", model)
    finally:
        store.close()
    if found is None:
        raise SystemExit(f"{model} has no champion in {home}")
    return f"v{found.version}"


def main() -> None:
    """Copy the home, measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("model")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home, out = Path(temporary) / "home", Path(temporary) / "out"
        shutil.copytree(options.home, home)
        cpu((*CLI, "repair"), home)
        print("| operation | CPU seconds | imports alone | its own |\n| --- | ---: | ---: | ---: |")
        for name, operation in operations(home, out, options.model).items():
            whole, imports = [], []
            for _ in range(options.repeats):
                whole.append(operation())
                imports.append(cpu((sys.executable, "-c", IMPORTS[name]), home))
            mine, given = statistics.median(whole), statistics.median(imports)
            print(f"| {name} | {mine:.1f} | {given:.1f} | {mine - given:.1f} |", flush=True)


if __name__ == "__main__":
    main()
