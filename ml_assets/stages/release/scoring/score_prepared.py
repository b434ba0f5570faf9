"""Score a CSV file with the model of this bundle, in the server's own format.

    python score.py in.csv > predictions.csv

Needs what requirements.txt pins and nothing else. Dates and times are in ISO 8601, such as
2024-01-31 and 2024-01-31T12:00:00Z; without an offset a time is UTC. They and texts are taken
apart by elements.py as in training, then score_model.py predicts as for any other model.
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

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

elements: Any = import_module("elements")
score_model: Any = import_module("score_model")


def lines(model: dict[str, Any], source: TextIO) -> Iterator[str]:
    """Yield the lines of a CSV file with the columns that the model's family takes."""
    prepare, reader = model["prepare"], csv.reader(source)
    header = next(reader, [])
    lacking = sorted(set(model["columns"]) - set(header))
    if lacking:
        raise SystemExit(f"the file has no column {', '.join(lacking)}; it has {', '.join(header)}")
    kept = sorted(set(model["columns"]) - set(prepare))
    names = [name for said in prepare.values() for name in said["parts"]]
    yield line([*kept, *names])
    for first, rows in score_model.chunks(reader):
        short = next((n for n, row in enumerate(rows) if len(row) != len(header)), None)
        if short is not None:
            raise SystemExit(
                f"row {first + short}: {len(rows[short])} fields, the header has {len(header)}"
            )
        fields = [[row[header.index(name)] for row in rows] for name in kept]
        for feature, said in prepare.items():
            texts = [row[header.index(feature)] for row in rows]
            try:
                fields += elements.columns_of(said, texts).values()
            except ValueError as error:
                at = f"rows {first} to {first + len(rows) - 1}"
                raise SystemExit(f"{at}: {feature}: {error}, wanted {said['type']}") from None
        yield from (line(row) for row in zip(*fields, strict=True))


def line(fields: Any) -> str:
    """Return one line of CSV."""
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerow(fields)
    return sink.getvalue()


def plain(model: dict[str, Any]) -> dict[str, Any]:
    """Return the model as it is of the columns that its family takes."""
    prepare = model["prepare"]
    columns = {name: kind for name, kind in model["columns"].items() if name not in prepare}
    for said in prepare.values():
        columns |= dict.fromkeys(said["parts"], "number")
    return {**model, "columns": columns}


def main(arguments: list[str]) -> None:
    """Score the file that is named, or stdin for `-`."""
    if len(arguments) != 1:
        raise SystemExit("wanted one file: python score.py in.csv > predictions.csv")
    model = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    target = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    name: str | int = 0 if arguments[0] == "-" else arguments[0]
    try:
        with open(name, encoding="utf-8-sig", newline="") as source, target:
            score_model.score(plain(model), lines(model, source), target)
    except UnicodeDecodeError as error:
        raise SystemExit(f"{arguments[0]} is not UTF-8 text: {error.reason}") from None
    except OSError as error:
        raise SystemExit(f"{arguments[0]}: {error.strerror}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
