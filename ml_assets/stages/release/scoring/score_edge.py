"""Score a CSV file with model.onnx of this bundle: onnxruntime and numpy, nothing else.

    python score_edge.py in.csv > predictions.csv

Types, classes and encoding are in the model itself. An empty field is a missing value.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import onnxruntime

ROWS = 10_000
"""Rows in memory at a time; each row is scored by itself."""
TRUTH = {"true": "1", "false": "0"}


def column(texts: list[str], kind: str, missing: str) -> Any:
    """Return texts as an input of the model, shape (n, 1)."""
    if kind == "tensor(string)":
        return np.array([[text or missing] for text in texts], dtype=object)
    return np.array([[number(text)] for text in texts])


def number(text: str) -> float:
    """Return one field as a number; true and false are 1 and 0."""
    try:
        return float(TRUTH.get(text.strip().lower(), text) or "nan")
    except ValueError:
        raise SystemExit(f"{text!r} is no number, true or false") from None


def score(session: Any, source: TextIO, target: TextIO) -> None:
    """Read CSV from a text file and write predictions as CSV to another."""
    told = session.get_modelmeta().custom_metadata_map
    inputs = {item.name: item.type for item in session.get_inputs()}
    reader, writer = csv.reader(source), csv.writer(target, lineterminator="\n")
    header = next(reader, [])
    lacking = sorted(set(inputs) - set(header))
    if lacking:
        raise SystemExit(f"the file has no column {', '.join(lacking)}; it has {', '.join(header)}")
    writer.writerow(json.loads(told["classes"]) or ["prediction"])
    rows = list(reader)
    short = next((n for n, row in enumerate(rows, 1) if len(row) != len(header)), None)
    if short is not None:
        raise SystemExit(f"row {short}: the header has {len(header)} fields")
    for start in range(0, len(rows), ROWS):
        part = rows[start : start + ROWS]
        given = {
            name: column([row[header.index(name)] for row in part], kind, told["missing"])
            for name, kind in inputs.items()
        }
        found = session.run(None, given)[0]
        for values in found.reshape(len(part), -1).tolist():
            writer.writerow([repr(value) for value in values])


def main(arguments: list[str]) -> None:
    """Score the file that is named."""
    if len(arguments) != 1:
        raise SystemExit("wanted one file: python score_edge.py in.csv > predictions.csv")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = Path(__file__).with_name("model.onnx")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    target = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        with open(arguments[0], encoding="utf-8-sig", newline="") as source, target:
            score(session, source, target)
    except UnicodeDecodeError as error:
        raise SystemExit(f"{arguments[0]} is not UTF-8 text: {error.reason}") from None
    except OSError as error:
        raise SystemExit(f"{arguments[0]}: {error.strerror}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
