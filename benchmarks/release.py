"""Time what a person waits for around a release, on a home that has two champions.

    python -m benchmarks.release [--home HOME] [--model late_arrival] [--repeats 3]

Works on a copy of the home, or on a new one in which December came after eleven months. Each
operation is a cold process; beside it stand processes that only import what those of the operation
import, started at once, so that the difference is its own work. Seconds, and CPU seconds (user and
system, children included); medians. Last, once each: `recreate` of the champion, and a run in a new
home of all that it needs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.processes import CLI, ROOT, Taken, shell, shipped, timed
from benchmarks.run import MONTHS
from ml_assets.cli.sample import write_sample

IMPORTS = {
    "rollback": (
        "import ml_assets.cli.promotions, ml_assets.operations.recheck, lightgbm, "
        "ml_assets.stages.gate.parity, ml_assets.graph.champion",
        "import ml_assets.adapters.mlflow.child, mlflow.store.tracking.sqlalchemy_store, "
        "mlflow.store.model_registry.sqlalchemy_store",
        "import sys; from ml_assets.children.optional import Hidden; "
        "sys.meta_path.insert(0, Hidden); "
        "import http.server, pyarrow, ml_assets.stages.train.predict, lightgbm",
    ),
    "verify": ("import ml_assets.cli.release, ml_assets.release.score",),
}
"""What the processes of an operation import: of a rollback the command, MLflow's and the one in
which the model is checked."""


def imported(statements: Sequence[str]) -> None:
    """Run statements in processes of their own, all at once."""
    environ = {**shell(), "PYTHONPATH": str(ROOT)}
    running = [subprocess.Popen([sys.executable, "-c", one], env=environ) for one in statements]
    if any(process.wait() for process in running):
        raise SystemExit(f"not importable: {statements}")


def operations(home: Path, out: Path, model: str) -> Mapping[str, Callable[[], Taken]]:
    """Return each operation by name; a rollback is undone by a promotion, which is not timed."""

    def rollback() -> Taken:
        taken = timed(lambda: shipped((*CLI, "rollback", model, "--reason", "benchmark"), home))
        shipped((*CLI, "promote", model, newest, "--reason", "benchmark"), home)
        return taken

    newest = champion(home, model)
    shipped((*CLI, "release", model, "--out", out), home)
    (bundle,) = (path for path in out.iterdir() if path.suffix == ".zip")
    # The environments of the locks are made once.
    shipped((*CLI, "verify", bundle), home)
    return {
        "rollback": rollback,
        "verify": lambda: timed(lambda: shipped((*CLI, "verify", bundle), home)),
    }


def made(home: Path, files: Path, model: str) -> None:
    """Make a home in which December's candidate follows that of the months before."""
    write_sample(files)
    shipped((*CLI, "land", "planes", files / "planes.csv"), home)
    for months in (MONTHS[:-1], MONTHS[-1:]):
        for dataset in ("flights", "weather"):
            batches = [files / f"{dataset}-{month}.csv" for month in months]
            shipped((*CLI, "land", dataset, *batches), home)
        shipped((*CLI, "run", f"+{model}/champion"), home)


def recreated(home: Path, new: Path, model: str) -> Mapping[str, Taken]:
    """Return what making the champion again takes, and a run of the same in a new home."""
    shutil.copytree(home / "landing", new / "landing")
    version = champion(home, model)
    return {
        "recreate": timed(lambda: shipped((*CLI, "recreate", model, version), home)),
        "run in a new home": timed(
            lambda: shipped((*CLI, "run", f"+{model}/evaluation_report"), new)
        ),
    }


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
    """Copy or make the home, measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--model", default="late_arrival")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home, out = Path(temporary) / "home", Path(temporary) / "out"
        if options.home is None:
            made(home, Path(temporary) / "files", options.model)
        else:
            shutil.copytree(options.home, home)
            shipped((*CLI, "repair"), home)
        print("| operation | unit | whole | imports alone | its own |")
        print("| --- | --- | ---: | ---: | ---: |")
        for name, operation in operations(home, out, options.model).items():
            whole, imports = [], []
            for _ in range(options.repeats):
                whole.append(operation())
                imports.append(timed(lambda given=IMPORTS[name]: imported(given)))
            for place, unit in enumerate(("seconds", "CPU seconds")):
                mine = statistics.median(taken[place] for taken in whole)
                given = statistics.median(taken[place] for taken in imports)
                row = f"| {name} | {unit} | {mine:.1f} | {given:.1f} | {mine - given:.1f} |"
                print(row, flush=True)
        print("\n| once | seconds | CPU seconds |\n| --- | ---: | ---: |")
        for name, taken in recreated(home, Path(temporary) / "new", options.model).items():
            print(f"| {name} | {taken.seconds:.1f} | {taken.cpu:.1f} |")


if __name__ == "__main__":
    main()
