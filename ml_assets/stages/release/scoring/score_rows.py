"""Score raw rows, or rows of features, with the model of this bundle.

    python score.py raw.csv --join NAME=FILE > predictions.csv
    python score.py --features in.csv > predictions.csv

Raw rows are rows as they would land; they need what requirements-rows.txt pins. Rows of features
have the columns of schema.json and need requirements.txt alone; score_features.py predicts them. A
file that has every such column, and lacks one that a raw row must have, is one of features without
saying so.
"""

from __future__ import annotations

import csv
import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def of_features(path: str) -> bool:
    """Tell whether a file, or stdin for `-`, holds the model's inputs."""
    if path == "-":
        return True
    try:
        with open(path, encoding="utf-8-sig", newline="") as source:
            header = set(next(csv.reader(source), []))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    inputs, rows = (
        json.loads((HERE / name).read_text(encoding="utf-8"))
        for name in ("schema.json", "rows.json")
    )
    needed = rows["score"]["rows"]["contract"]["columns"]
    return {column["name"] for column in inputs["columns"]} <= header and not set(needed) <= header


def features() -> ModuleType:
    """Return the program for rows of features, under the name of this one."""
    path = HERE / "score_features.py"
    found = ModuleType("score")
    found.__file__ = str(HERE / "score.py")
    names = found.__dict__  # never an error
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return found


def main(arguments: list[str]) -> None:
    """Score the file that is named."""
    others = [item for item in arguments if item != "--features"]
    if others != arguments or (len(others) == 1 and of_features(others[0])):
        features().main(others)
        return
    sys.path.insert(0, str(HERE / "rows.zip" / "code"))
    import_module("ml_assets.serve.bundle").main(HERE, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
