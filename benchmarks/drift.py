"""Is drift found, and how often is it found where there is none? And how long does it take?

    python -m benchmarks.drift simulate [--repeats 400]
    python -m benchmarks.drift time [--evidently PYTHON]

`simulate` makes batches whose rows share a level a day, so that rows are not independent;
`time` measures CPU seconds of a whole report on 28,000 rows and 20 columns, and with the Python
of an environment that has evidently also evidently's data drift report on the same rows.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.processes import best
from ml_assets.spec.quality import ReferenceSpec, ReportSpec
from ml_assets.stages.memory import InMemory
from ml_assets.stages.quality.drift import drift
from ml_assets.stages.quality.reference import reference
from ml_assets.stages.quality.report import report
from ml_assets.stages.schema import LINE, QUARANTINE, category

DAY = 86_400_000_000
BATCH_DAYS = 30
SHIFTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
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
    account = InMemory({**counts, "filtered": {}, "quarantined": {}})
    return report(
        told,
        reference=InMemory(known),
        raw=InMemory(table),
        cleaned=InMemory(table),
        quarantine=InMemory(QUARANTINE.empty_table()),
        summary=account,
        newest=account,
    ).outputs


def alarms(
    repeats: int,
    rate: float,
    shifts: Sequence[float] = (0.0,),
    columns: int = 20,
    days: int = 90,
    each: int = 100,
    block: str = "day",
) -> list[int]:
    """Return for each shift in how many of `repeats` new worlds a batch shows drift anywhere."""
    spec, told = specs(columns, rate, block)
    found = [0] * len(shifts)
    for repeat in range(repeats):
        random = np.random.default_rng([repeat, columns, days])
        past = InMemory(batch(random, days, each, columns, 0.0))
        known = reference(spec, raw={"past": past}, cleaned={"past": past}).outputs["reference"]
        for number, shift in enumerate(shifts):
            again = np.random.default_rng([repeat, columns, days, 1])
            new = batch(again, BATCH_DAYS, each, columns, shift)
            size = new.num_rows * known["blocks"] / known["rows"] if block == "row" else BATCH_DAYS
            found[number] += any(test["alarm"] for test in drift(told, known, new, size)[0])
    return found


def share(found: int, repeats: int) -> str:
    """Return a share with its exact 95 % interval (Clopper and Pearson, Biometrika 26, 1934)."""
    from scipy.stats import binomtest

    within = binomtest(found, repeats).proportion_ci(0.95, method="exact")
    return f"{repeats} | {found} | {found / repeats:.3f} | {within.low:.3f} to {within.high:.3f}"


def _simulate(options: argparse.Namespace) -> None:
    said = sys.stdout.write
    found = alarms(options.repeats, 0.05, SHIFTS)
    said("| shift, standard deviations | batches | with drift | share | 95 % interval |\n")
    said("| ---: | ---: | ---: | ---: | --- |\n")
    for shift, number in zip(SHIFTS, found, strict=True):
        said(f"| {shift} | {share(number, options.repeats)} |\n")
    said("\n| stated rate | resampled | batches | with drift | share | 95 % interval |\n")
    said("| ---: | --- | ---: | ---: | ---: | --- |\n")
    said(f"| 0.05 | days | {share(found[0], options.repeats)} |\n")
    sys.stdout.flush()
    few, all_ = min(options.repeats, 40), options.repeats
    for rate, block, repeats in ((0.05, "row", few), (0.2, "day", all_), (0.01, "day", all_)):
        said(f"| {rate} | {block}s | {share(alarms(repeats, rate, block=block)[0], repeats)} |\n")
        sys.stdout.flush()


def _time(options: argparse.Namespace) -> None:
    random = np.random.default_rng(1)
    spec, told = specs(20, 0.05)
    past, new = (batch(random, 30, 933, 20, 0.0) for _ in range(2))
    handle = {"p": InMemory(past)}
    known = reference(spec, raw=handle, cleaned=handle).outputs["reference"]
    sys.stdout.write(f"rows {new.num_rows:,}, columns 20, CPU seconds, the best of 3 a round\n")
    sys.stdout.write("| round | report | reference, once | evidently | ratio | with reference |\n")
    sys.stdout.write("| ---: | ---: | ---: | ---: | ---: | ---: |\n")
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / name) for name in ("past", "new")]
        for path, table in zip(paths, (past, new), strict=True):
            table.drop_columns([LINE, "at"]).to_pandas().to_csv(path, index=False)
        for number in range(1, 4):
            once = best(lambda: reference(spec, raw=handle, cleaned=handle))
            mine = best(lambda: figures(told, known, new))
            other = _evidently(options.evidently, paths) if options.evidently else float("nan")
            ratios.append((mine / other, (mine + once) / other))
            sys.stdout.write(
                f"| {number} | {mine:.3f} | {once:.2f} | {other:.2f} "
                f"| {ratios[-1][0]:.3f} | {ratios[-1][1]:.3f} |\n"
            )
            sys.stdout.flush()
    medians = [statistics.median(column) for column in zip(*ratios, strict=True)]
    sys.stdout.write("median ratio {:.3f}, with the reference {:.3f}\n".format(*medians))


def _evidently(python: str, paths: list[str]) -> float:
    words = [python, "-c", EVIDENTLY, *paths]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return float(said.split()[-1])


def main() -> None:
    """Run one of the two, and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("simulate", "time"))
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--evidently", help="the Python of an environment that has evidently")
    options = parser.parse_args()
    {"simulate": _simulate, "time": _time}[options.what](options)


if __name__ == "__main__":
    main()
