"""Score a CSV file with the model of this bundle, with an interval for each prediction.

    python score.py in.csv > predictions.csv

The predictions are those of the program whose name ends in _point; after them come `low` and
`high`, or the `set` of classes, by intervals.json and intervals.py. Both fields are empty where
there were too few rows to say. intervals.json says how many test rows lay within them; where that
is far from what was asked for, a note on standard error says so.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

intervals: Any = import_module("intervals")
ROWS = 10_000
"""Rows in memory at a time."""


def pairs(document: dict[str, Any], given: Path, found: Path) -> Iterator[tuple[Any, Any]]:
    """Yield the values of a row by which limits differ, and its predictions."""
    with (
        given.open(encoding="utf-8-sig", newline="") as source,
        found.open(encoding="utf-8", newline="") as scored,
    ):
        rows, predictions = csv.reader(source), csv.reader(scored)
        header = next(rows, [])
        places = [header.index(name) for name in document["by"]]
        next(predictions)
        for row, prediction in zip(rows, predictions, strict=True):
            yield [row[place] for place in places], [float(value) for value in prediction]


def write(document: dict[str, Any], model: dict[str, Any], given: Path, found: Path) -> None:
    """Write predictions with their intervals to standard output, as CSV."""
    target = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    kinds = [model["columns"][name] for name in document["by"]]
    every = pairs(document, given, found)
    with target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow([*(model["classes"] or ["prediction"]), *intervals.header(document)])
        while part := list(islice(every, ROWS)):
            values = zip(*(row for row, _ in part), strict=True) if kinds else ()
            slices = {
                name: [intervals.read(kind, text) for text in texts]
                for name, kind, texts in zip(document["by"], kinds, values, strict=True)
            }
            predictions = np.array([prediction for _, prediction in part])
            if not model["classes"]:
                predictions = predictions[:, 0]
            added = intervals.fields(document, model["classes"], predictions, slices)
            for (_, prediction), more in zip(part, added, strict=True):
                writer.writerow([*map(repr, prediction), *more])


def main(arguments: list[str]) -> None:
    """Score the file that is named, or stdin for `-`."""
    if len(arguments) != 1:
        raise SystemExit(f"wanted one file: python {Path(__file__).name} in.csv > predictions.csv")
    document, model = (
        json.loads((HERE / name).read_text(encoding="utf-8"))
        for name in ("intervals.json", "model.json")
    )
    point = import_module(f"{Path(__file__).stem}_point")
    with TemporaryDirectory() as folder:
        given, found = Path(arguments[0]), Path(folder) / "predictions.csv"
        if arguments[0] == "-":
            given = Path(folder) / "in.csv"
            with given.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
        with found.open("wb") as sink, redirect_stdout(SimpleNamespace(buffer=sink)):
            point.main([str(given)])
        write(document, model, given, found)
    if document["test"] and not document["test"]["calibrated"]:
        sys.stderr.write(f"note: intervals are {document['test']['text']}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
