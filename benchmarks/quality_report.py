"""What a batch's quality report costs beside ingesting and cleaning that batch.

    python -m benchmarks.quality_report

The same stages on the same files as a run calls them on, without a store; CPU seconds, the best of
three after one to warm up. The aim is a tenth of ingest and cleaning, and one second.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import ml_assets
from benchmarks.processes import best
from benchmarks.staged import cleaned, stage
from ml_assets.cli.sample import write_sample
from ml_assets.engine.recipes.quality import ReferenceTables, reference_spec, report_spec
from ml_assets.spec.project import read_project
from ml_assets.stages.memory import InMemory

MONTHS = [f"2013-{month:02}" for month in range(1, 8)]


def main() -> None:
    """Print a row for each month."""
    project = read_project(Path(ml_assets.__file__).parent / "defs")
    spec = project.datasets["flights"]
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder))
        files = {month: Path(folder) / f"flights-{month}.csv" for month in MONTHS}
        made = {month: cleaned(project, "flights", file) for month, file in files.items()}
        raw, clean = (
            {month: made[month][name] for month in MONTHS[:3]} for name in ("raw", "cleaned")
        )
        asked = reference_spec("flights", spec)
        known = stage("ml_assets.stages.quality.reference:reference")(asked, raw=raw, cleaned=clean)
        pinned = InMemory(known.outputs["reference"])

        def made_of(month: str) -> float:
            return best(lambda: cleaned(project, "flights", files[month]))

        def report_of(month: str) -> float:
            reference = ReferenceTables("the first three", raw, clean)
            told = report_spec(project, "flights", month, reference, {})
            tables = {n: made[month][n] for n in ("raw", "cleaned", "quarantine", "summary")}
            show = stage("ml_assets.stages.quality.report:report")
            newest = made[month]["summary"]
            return best(lambda: show(told, reference=pinned, newest=newest, **tables))

        sys.stdout.write("| batch | rows | ingest and cleaning | report | allowed |\n")
        sys.stdout.write("| --- | ---: | ---: | ---: | ---: |\n")
        for month in MONTHS[3:]:
            base, report = made_of(month), report_of(month)
            rows = made[month]["raw"].table().num_rows
            sys.stdout.write(
                f"| {month} | {rows:,} | {base:.2f} | {report:.2f} | {0.1 * base + 1:.2f} |\n"
            )
            sys.stdout.flush()
        again = stage("ml_assets.stages.quality.reference:reference")
        once = best(lambda: again(asked, raw=raw, cleaned=clean))
        sys.stdout.write(f"reference of {len(raw)} batches, once: {once:.2f}\n")


if __name__ == "__main__":
    main()
