"""Model quality walked forward over the months of 2013, as a table.

    python -m benchmarks.quality

For each month from April on the shipped `flight_delay` is trained as if that month had just
landed: the newest two months are test, the one before is validation, the rest is train.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import ml_assets
from benchmarks.staged import prepared, trained
from ml_assets.cli.sample import write_sample
from ml_assets.spec.project import read_project

NAME = "flight_delay"


def main() -> None:
    """Print a row for each month."""
    defs = Path(ml_assets.__file__).parent / "defs"
    project = read_project(defs)
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder))
        features = prepared(project, defs, Path(folder), NAME, "2013-12")
    sys.stdout.write("| newest month | family | test MAE | 95 % interval | baseline | R2 |\n")
    sys.stdout.write("| --- | --- | ---: | --- | ---: | ---: |\n")
    months = list(features)
    for last in months[3:]:
        found = trained(project, NAME, {m: f for m, f in features.items() if m <= last})
        low, high = found["intervals"]["mae"]
        sys.stdout.write(
            f"| {last} | {found['chosen']} | {found['test']['mae']:.2f} | {low:.2f} to {high:.2f} "
            f"| {found['baseline']['mae']:.2f} | {found['test']['r2']:.3f} |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
