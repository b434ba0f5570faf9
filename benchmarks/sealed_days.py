"""A plan of models whose requests of many days are sealed, where nothing has changed.

    python -m benchmarks.sealed_days [--days 400] [--models 3]

The toy project of the tests, with copies of its model. The days are written as the service leaves
them, one request each; `ml-assets run` seals and makes them. Then `ml-assets plan` is asked twice,
each time in a cold process: the first finds that all is settled. It is asked twice again after
another day of each model was made.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.processes import CLI, ROOT, Taken, output_of, shell, tell, timed
from ml_assets_tests.asked import keep, record, write_records
from ml_assets_tests.projects import FORECAST, Toy, toy_project


def asked(root: Path, *words: object) -> Taken:
    """Run a command in the project; return what it took."""
    environ = {**shell(), "PYTHONPATH": str(ROOT)}
    return timed(lambda: output_of([*CLI, *words], root / "data", environ, root))


def prepared(toy: Toy, models: int) -> list[str]:
    """Make a champion of each model; return their names."""
    keep(toy, "{retention: 2000 days}")
    folder = (toy.root / FORECAST).parent
    names = [folder.name, *(f"{folder.name}_{number}" for number in range(2, models + 1))]
    for name in names[1:]:
        shutil.copytree(folder, folder.with_name(name))
    toy.land_all()
    toy.close()
    asked(toy.root, "run")
    return names


def main() -> None:
    """Measure, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--models", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, toy_project(Path(folder) / "shop") as toy:
        names = prepared(toy, given.models)
        for first, last in ((2, given.days + 2), (1, 2)):
            for model in names:
                write(toy, model, range(first, last))
            toy.close()
            for what in ("run", "plan", "plan"):
                seconds, cpu = asked(toy.root, what)
                tell(f"{last - first} days, {what}: {seconds:.1f} s, {cpu:.1f} s of CPU")


def write(toy: Toy, model: str, days: range) -> None:
    """Write a request of each of the days so long ago."""
    today = datetime.now(UTC).date()
    for ago in days:
        day = (today - timedelta(days=ago)).isoformat()
        write_records(toy, day, [record(day, f"{model}-{day}")], model=model)


if __name__ == "__main__":
    main()
