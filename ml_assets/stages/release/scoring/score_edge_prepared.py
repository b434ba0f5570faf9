"""Score a CSV file with model.onnx of this bundle: onnxruntime and numpy, nothing else.

    python score_edge.py in.csv > predictions.csv

model.onnx takes a date or time as whole seconds since 1970 in UTC; here they are in ISO 8601, such
as 2024-01-31 and 2024-01-31T12:00:00Z, and score_edge_model.py does the rest.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

import onnxruntime

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

elements: Any = import_module("elements")
score_edge_model: Any = import_module("score_edge_model")


def lines(times: dict[str, str], source: TextIO) -> Iterator[str]:
    """Yield the lines of a CSV file, its dates and times as seconds."""
    reader = csv.reader(source)
    header = next(reader, [])
    places = [header.index(name) for name in sorted(times) if name in header]
    yield line(header)
    for number, row in enumerate(reader, 1):
        for place in places:
            if place < len(row) and row[place] != "":
                try:
                    row[place] = str(elements.seconds_of(row[place]))
                except ValueError as error:
                    raise SystemExit(f"row {number}: {header[place]}: {error}") from None
        yield line(row)


def line(fields: list[str]) -> str:
    """Return one line of CSV."""
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerow(fields)
    return sink.getvalue()


def main(arguments: list[str]) -> None:
    """Score the file that is named."""
    if len(arguments) != 1:
        raise SystemExit("wanted one file: python score_edge.py in.csv > predictions.csv")
    columns = json.loads((HERE / "schema.json").read_text(encoding="utf-8"))["columns"]
    times = {c["name"]: c["type"] for c in columns if c["type"] in ("date", "timestamp")}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(HERE / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    target = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        with open(arguments[0], encoding="utf-8-sig", newline="") as source, target:
            score_edge_model.score(session, lines(times, source), target)
    except UnicodeDecodeError as error:
        raise SystemExit(f"{arguments[0]} is not UTF-8 text: {error.reason}") from None
    except OSError as error:
        raise SystemExit(f"{arguments[0]}: {error.strerror}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
