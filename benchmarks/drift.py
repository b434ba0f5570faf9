"""Is drift found, and how often is it found where there is none? And how long does it take?

    python -m benchmarks.drift rate [--repeats 400]
    python -m benchmarks.drift power
    python -m benchmarks.drift time [--evidently PYTHON]

`rate` and `power` make batches whose rows share a level a day, so that rows are not independent;
`time` measures CPU seconds of a whole report on 28,000 rows and 20 columns, and with the Python
of an environment that has evidently also evidently's data drift report on the same rows.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.spec.quality import ReferenceSpec, ReportSpec
from ml_assets.stages.quality.drift import drift
from ml_assets.stages.quality.reference import reference
from ml_assets.stages.quality.report import report
from ml_assets.stages.schema import LINE, QUARANTINE, category

DAY = 86_400_000_000
BATCH_DAYS = 30
EVIDENTLY = """
import sys, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
before, now = (pd.read_csv(path) for path in sys.argv[1:3])
seconds = []
for _ in range(3):
    started = time.process_time()
    Report([DataDriftPreset()]).run(now, before).get_html_str(as_iframe=False)
    seconds.append(time.process_time() - started)
print(min(seconds))
"""


class Given:
    """A value as an input of a stage."""

    digest = "d1:given"

    def __init__(self, content: Any) -> None:
        self._content = content

    def table(self, columns: Any = None) -> Any:
        return self._content if columns is None else self._content.select(columns)

    def json(self) -> Any:
        return self._content

    def bytes(self) -> bytes:
        return bytes(self._content)


def batch(random: np.random.Generator, days: int, each: int, columns: int, shift: float) -> Any:
    """Return rows: half of the columns numbers, half categories; each wanders from day to day.

    `shift` moves the first number by so many standard deviations of its rows.
    """
    rows = days * each
    day = np.repeat(np.arange(days), each)
    made: dict[str, Any] = {LINE: np.arange(2, rows + 2), "at": pa.array(day * DAY, _TIME)}
    for number in range(columns):
        level = random.normal(0, 0.3, days)[day]
        value = random.normal(0, 1, rows) + level
        if number % 2 == 0:
            value = value + (shift if number == 0 else 0)
            made[f"c{number}"] = pa.array(value, mask=random.random(rows) < 0.02)
        else:
            texts = np.array(list("abcdefgh"))[np.clip((value + 2.5) * 1.6, 0, 7).astype(int)]
            made[f"c{number}"] = category(pa.array(texts))
    return pa.table(made)


_TIME = pa.timestamp("us", "UTC")


def specs(columns: int, rate: float, block: str = "day") -> tuple[ReferenceSpec, ReportSpec]:
    """Return the specs; every effect counts, however small."""
    kinds = {f"c{n}": {"type": "category" if n % 2 else "number"} for n in range(columns)}
    shared = {
        "dataset": "made",
        "columns": {"at": {"type": "timestamp"}, **kinds},
        "skipped": {"at": "a time"},
        "time": "at",
        "block": block,
        "false_alarm_rate": rate,
    }
    told = {
        **shared,
        "batch": "new",
        "description": "",
        "cleaning": (),
        "filters": {},
        "read_by_filters": (),
        "slices": ("c1",),
        "smallest": {"numeric": 0, "categorical": 0, "missing": 0, "unseen": 0},
        "reference": "three batches",
        "in_reference": False,
    }
    return ReferenceSpec.model_validate(shared), ReportSpec.model_validate(told)


def figures(told: ReportSpec, known: Any, table: pa.Table) -> Any:
    """Return the outputs of a report of a batch from which nothing was removed."""
    rows = table.num_rows
    counts = {"landed": rows, "parsed": rows, "cleaned": rows, "refused": None}
    account = Given({**counts, "filtered": {}, "quarantined": {}})
    return report(
        told,
        reference=Given(known),
        raw=Given(table),
        cleaned=Given(table),
        quarantine=Given(QUARANTINE.empty_table()),
        summary=account,
        newest=account,
    ).outputs


def false_alarms(
    repeats: int,
    rate: float,
    columns: int = 20,
    days: int = 90,
    each: int = 100,
    shift: float = 0.0,
    block: str = "day",
) -> int:
    """Return in how many of `repeats` new worlds a new batch shows drift in any column."""
    spec, told = specs(columns, rate, block)
    found = 0
    for repeat in range(repeats):
        random = np.random.default_rng([repeat, columns, days])
        past = Given(batch(random, days, each, columns, 0.0))
        known = reference(spec, raw={"past": past}, cleaned={"past": past}).outputs["reference"]
        new = batch(random, BATCH_DAYS, each, columns, shift)
        size = BATCH_DAYS if block == "day" else new.num_rows * known["blocks"] / known["rows"]
        found += any(test["alarm"] for test in drift(told, known, new, size)[0])
    return found


def _rate(options: argparse.Namespace) -> None:
    sys.stdout.write("| stated rate | resampled | batches | with drift | share |\n")
    sys.stdout.write("| ---: | --- | ---: | ---: | ---: |\n")
    for rate, block in ((0.01, "day"), (0.05, "day"), (0.2, "day"), (0.05, "row")):
        found = false_alarms(options.repeats, rate, block=block)
        share = found / options.repeats
        sys.stdout.write(f"| {rate} | {block}s | {options.repeats} | {found} | {share:.3f} |\n")
        sys.stdout.flush()


def _power(options: argparse.Namespace) -> None:
    sys.stdout.write("| shift, standard deviations | batches | found |\n| ---: | ---: | ---: |\n")
    for shift in (0.1, 0.2, 0.3, 0.4, 0.5):
        found = false_alarms(options.repeats, 0.05, shift=shift)
        sys.stdout.write(f"| {shift} | {options.repeats} | {found / options.repeats:.0%} |\n")
        sys.stdout.flush()


def _time(options: argparse.Namespace) -> None:
    random = np.random.default_rng(1)
    spec, told = specs(20, 0.05)
    past, new = (batch(random, 30, 933, 20, 0.0) for _ in range(2))
    handle = Given(past)
    started = time.process_time()
    known = reference(spec, raw={"p": handle}, cleaned={"p": handle}).outputs["reference"]
    once = time.process_time() - started
    seconds = []
    for _ in range(5):
        started = time.process_time()
        figures(told, known, new)
        seconds.append(time.process_time() - started)
    mine = statistics.median(seconds)
    sys.stdout.write(f"rows {new.num_rows:,}, columns 20, CPU seconds\n")
    sys.stdout.write(f"reference and thresholds, once: {once:.2f}\nreport: {mine:.3f}\n")
    if options.evidently:
        with tempfile.TemporaryDirectory() as folder:
            paths = [str(Path(folder) / name) for name in ("past", "new")]
            for path, table in zip(paths, (past, new), strict=True):
                table.drop_columns([LINE, "at"]).to_pandas().to_csv(path, index=False)
            words = [options.evidently, "-c", EVIDENTLY, *paths]
            said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        other = float(said.split()[-1])
        sys.stdout.write(f"evidently's data drift report: {other:.2f}\n")
        sys.stdout.write(
            f"ratio: {mine / other:.3f}, with the reference {(mine + once) / other:.3f}\n"
        )


def main() -> None:
    """Run one of the three, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("rate", "power", "time"))
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--evidently", help="the Python of an environment that has evidently")
    options = parser.parse_args()
    {"rate": _rate, "power": _power, "time": _time}[options.what](options)


if __name__ == "__main__":
    main()
