"""What a monitoring report costs: drift of all inputs and of the prediction, and what came true.

    python -m benchmarks.monitoring [--evidently PYTHON]
    python -m benchmarks.monitoring --rows 300000 --columns 100

CPU seconds, the best of three, of everything that is made for a batch (comparing, measuring by the
block bootstrap, the page); of what is made once for a model (the profile of its training rows with
limits that were resampled, and the classifier's limit) apart. With the Python of an environment
that has evidently, also its data drift and regression presets on the same rows, in the same run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.drift import batch
from benchmarks.processes import best
from ml_assets.spec.columns import Column
from ml_assets.spec.model import Intervals
from ml_assets.spec.monitored import KnownSpec, MonitorSpec, PageSpec, RealizedBySpec, ShiftSpec
from ml_assets.spec.quality import ReferenceSpec, ReportSpec, Smallest
from ml_assets.stages.memory import InMemory
from ml_assets.stages.monitor import known, realized, report, shift
from ml_assets.stages.schema import LINE

EVIDENTLY = """
import sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
from evidently import DataDefinition, Dataset, Regression, Report
from evidently.presets import DataDriftPreset, RegressionPreset
about = DataDefinition(regression=[Regression(target="target", prediction="prediction")])
read = lambda path: Dataset.from_pandas(pd.read_csv(path), data_definition=about)
seconds = []
for _ in range(3):
    before, now = (read(path) for path in sys.argv[1:3])
    started = time.process_time()
    presets = [DataDriftPreset(), RegressionPreset()]
    Report(presets).run(now, before).get_html_str(as_iframe=False)
    seconds.append(time.process_time() - started)
print(min(seconds))
"""
TIME = "_time"
DAYS = 30


class Made:
    """Training rows and a batch of a model, and what their report depends on."""

    def __init__(self, rows: int, columns: int) -> None:
        random = np.random.default_rng(1)
        tables = [batch(random, DAYS, rows // DAYS, columns, 0.0) for _ in range(2)]
        self.past, self.new = (table.rename_columns(_renamed(table)) for table in tables)
        self.target = [random.gamma(2.0, 10.0, len(table)) for table in tables]
        self.said = [true + random.normal(0, 5, len(true)) for true in self.target]
        kinds = {name: _column(self.past, name) for name in self.past.column_names if name != LINE}
        inputs = ReferenceSpec(
            dataset="model",
            columns=kinds,
            skipped={TIME: "it is a time"},
            time=TIME,
            block="day",
            false_alarm_rate=0.05,
        )
        says = {"prediction": Column(type="number"), TIME: kinds[TIME]}
        predictions = inputs.model_copy(update={"columns": says})
        self.known = KnownSpec(inputs=inputs, predictions=predictions, seed=1)
        self.shift = ShiftSpec(inputs=_told(inputs), predictions=_told(predictions), seed=1)
        self.realized = RealizedBySpec(
            task="regression",
            metric="mae",
            asked=("mae",),
            slices=(),
            intervals=Intervals(),
            seed=1,
        )

    def once(self) -> dict[str, Any]:
        """Return what is made once for a model."""
        references = pa.table({"batch": ["p"], "start": [0], "stop": [len(self.past)]})
        rows = self.past.append_column("prediction", pa.array(self.said[0]))
        made = known.known(
            self.known,
            train=InMemory(references),
            validation=InMemory(references.slice(0, 0)),
            features={"p": InMemory(self.past)},
            predicted=InMemory(rows.select(["prediction", TIME])),
        )
        return dict(made.outputs)

    def report(self, made: dict[str, Any]) -> bytes:
        """Return the page of the batch."""
        keys = {"_key": self.new[LINE].cast(pa.string()), LINE: self.new[LINE]}
        features = pa.table(
            {**keys, TIME: self.new[TIME], "_target": self.target[1]}
            | {n: self.new[n] for n in self.new.column_names if n not in (LINE, TIME)}
        )
        said = pa.table(
            {**keys, "prediction": self.said[1], "seen": np.zeros(len(features), dtype=bool)}
        )
        moved = shift.compared(
            self.shift,
            known=InMemory(made["known"]),
            sample=InMemory(made["sample"]),
            inputs=InMemory(features.drop_columns([TIME, "_target"])),
            times=InMemory(features),
            predictions=InMemory(said),
            before=None,
        )
        true = realized.by_slice(
            self.realized, predictions=InMemory(said), features=InMemory(features), model=None
        )
        spec = MonitorSpec(
            model="model",
            batch="b",
            description="",
            version="v0",
            metric="mae",
            unit="",
            false_alarm_rate=0.05,
            reference="compared",
        )
        figures = report.report(
            spec,
            shift=InMemory(moved.outputs["shift"]),
            realized=InMemory(true.outputs["realized"]),
            expected=None,
            tested=None,
            rival=None,
            asked=None,
        ).outputs["figures"]
        page = PageSpec(**{name: getattr(spec, name) for name in PageSpec.model_fields})
        shown = report.shown(page, figures=InMemory(figures), before={}).outputs["report"]
        assert isinstance(shown, bytes)
        return shown


def _renamed(table: pa.Table) -> list[str]:
    return [TIME if name == "at" else name for name in table.column_names]


def _column(table: pa.Table, name: str) -> Column:
    if name == TIME:
        return Column(type="timestamp", nullable=True)
    text = pa.types.is_dictionary(table[name].type)
    return Column(type="category" if text else "number", nullable=True)


def _told(spec: ReferenceSpec) -> ReportSpec:
    return ReportSpec(
        dataset="model",
        batch="",
        description="",
        columns=spec.columns,
        skipped=spec.skipped,
        time=TIME,
        block="day",
        cleaning=(),
        filters={},
        read_by_filters=(),
        slices=(),
        smallest=Smallest(),
        false_alarm_rate=0.05,
        reference="",
        in_reference=False,
    )


def theirs(python: str, made: Made) -> float:
    """Return the seconds of evidently on the same rows."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("past", "new")]
        for path, table, true, said in zip(
            paths, (made.past, made.new), made.target, made.said, strict=True
        ):
            frame = table.drop_columns([LINE, TIME]).to_pandas()
            frame.assign(target=true, prediction=said).to_csv(path, index=False)
        words = [python, "-c", EVIDENTLY, *paths]
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return float(told.split()[-1])


def main() -> None:
    """Print the seconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=28_000)
    parser.add_argument("--columns", type=int, default=23)
    parser.add_argument("--evidently", help="the Python of an environment that has evidently")
    options = parser.parse_args()
    made = Made(options.rows, options.columns)
    started = time.process_time()
    ready = made.once()
    first = time.process_time() - started
    rounds = 3 if options.rows < 100_000 else 1
    sys.stdout.write(f"rows {len(made.new):,}, columns {options.columns}, CPU seconds\n")
    sys.stdout.write("| round | report | once for a model | evidently | ratio |\n")
    sys.stdout.write("| ---: | ---: | ---: | ---: | ---: |\n")
    for number in range(1, rounds + 1):
        once = best(made.once) if rounds > 1 else first
        mine = best(lambda: made.report(ready))
        other = theirs(options.evidently, made) if options.evidently else float("nan")
        sys.stdout.write(f"| {number} | {mine:.2f} | {once:.2f} | {other:.2f} ")
        sys.stdout.write(f"| {mine / other:.3f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
