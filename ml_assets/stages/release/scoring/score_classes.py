"""Score a CSV file with the model of this bundle, with the class of each row.

    python score.py in.csv > predictions.csv

The predictions are those of the program whose name ends in _probability; after them comes `class`:
true where the probability reaches the threshold in model.json, otherwise false.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def write(threshold: float, found: Path) -> None:
    """Write predictions with their class to standard output, as CSV."""
    target = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    with found.open(encoding="utf-8", newline="") as scored, target:
        rows, writer = csv.reader(scored), csv.writer(target, lineterminator="\n")
        header = next(rows)
        place = header.index("prediction")
        writer.writerow([*header, "class"])
        for row in rows:
            writer.writerow([*row, "true" if float(row[place]) >= threshold else "false"])


def main(arguments: list[str]) -> None:
    """Score the file that is named, or stdin for `-`."""
    model = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    inner = import_module(f"{Path(__file__).stem}_probability")
    with TemporaryDirectory() as folder:
        found = Path(folder) / "predictions.csv"
        with found.open("wb") as sink, redirect_stdout(SimpleNamespace(buffer=sink)):
            inner.main(arguments)
        write(model["threshold"], found)


if __name__ == "__main__":
    main(sys.argv[1:])
