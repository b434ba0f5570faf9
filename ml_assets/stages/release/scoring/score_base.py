"""Score a CSV file with the model of this bundle, in the server's own format.

    python score.py in.csv > predictions.csv

Needs what requirements.txt pins and nothing else. One prediction a row, in the order of the file;
probabilities of class 1, or one column a class. An empty field is a missing value, and so is a
category that the model has not seen. Nothing is unpickled: the model is JSON.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROWS = 10_000
"""Rows in memory at a time; each row is scored by itself."""
TRUTH = {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0}


def column(
    name: str, kind: str, texts: list[str], first: int, places: dict[str, dict[str, int]]
) -> Array:
    """Return texts as float64 (n,): NaN for missing, a category as its place among the known."""
    if kind == "category":
        return np.array([places[name].get(text, np.nan) for text in texts], dtype=np.float64)
    found = np.empty(len(texts))
    for place, text in enumerate(texts):
        try:
            found[place] = number(text, kind)
        except (ValueError, KeyError, OverflowError):
            raise SystemExit(f"row {first + place}: {name} is {text!r}, wanted {kind}") from None
    return found


def number(text: str, kind: str) -> float:
    """Return one field; infinities are missing."""
    if text == "":
        return np.nan
    if kind == "boolean":
        return TRUTH[text.strip().lower()]
    value = float(text)
    if kind == "integer" and value != int(value):
        raise ValueError(text)
    return value if np.isfinite(value) else np.nan


def constant(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return the value, or the class shares, that every row has."""
    value = state.get("constant", state.get("median"))
    if "shares" in state:
        value = state["shares"][1] if state["binary"] else state["shares"]
    return np.tile(np.array(value, dtype=np.float64), (rows, 1))


def group_median(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return each row's group median; the overall one for missing and unknown groups."""
    medians = dict(state["groups"])
    keys = batch[state["by"]].tolist()
    return np.array([[medians.get(key, state["overall"])] for key in keys])


def linear(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return values or probabilities; each row is summed by itself, in a fixed order."""
    scores = [np.full(rows, start) for start in state["intercept"]]
    for part in state["numbers"]:
        value = batch[part["column"]]
        value = np.where(np.isnan(value), part["median"], value)
        value = (value - part["mean"]) / part["scale"]
        pairs = zip(scores, part["coefficients"], strict=True)
        scores = [score + value * coefficient for score, coefficient in pairs]
    for part in state["tables"]:
        code = batch[part["column"]]
        place = np.where(np.isnan(code), 0, code + 1).astype(np.int64)
        pairs = zip(scores, part["coefficients"], strict=True)
        scores = [score + np.array(table, dtype=np.float64)[place] for score, table in pairs]
    return np.column_stack(linked(state["task"], scores))


def linked(task: str, scores: list[Array]) -> list[Array]:
    """Return values for regression, probabilities otherwise."""
    if task == "regression":
        return scores[:1]
    if task == "binary":
        small = np.exp(-np.abs(scores[0]))
        return [np.where(scores[0] >= 0, 1.0, small) / (1.0 + small)]
    top = scores[0].copy()
    for score in scores[1:]:
        top = np.maximum(top, score)
    raised = [np.exp(score - top) for score in scores]
    total = np.zeros_like(top)
    for part in raised:
        total += part
    return [part / total for part in raised]


def lightgbm(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return what the trees predict."""
    if "booster" not in state:
        import lightgbm as library

        state["booster"] = library.Booster(model_str=state["model"])
    matrix = np.column_stack(list(batch.values()))
    found: Array = state["booster"].predict(matrix, num_threads=1)
    return found.reshape(rows, -1)


FAMILIES = {
    "median": constant,
    "prior": constant,
    "group_median": group_median,
    "linear": linear,
    "lightgbm": lightgbm,
    "lightgbm_tuned": lightgbm,
}


def chunks(reader: Iterable[list[str]]) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield (number of the first row, rows)."""
    rows: list[list[str]] = []
    first = 1
    for row in reader:
        rows.append(row)
        if len(rows) == ROWS:
            yield first, rows
            first, rows = first + len(rows), []
    if rows:
        yield first, rows


def score(model: dict[str, Any], source: TextIO, target: TextIO) -> None:
    """Read CSV from a text file and write predictions as CSV to another."""
    reader, writer = csv.reader(source), csv.writer(target, lineterminator="\n")
    header = next(reader, [])
    lacking = sorted(set(model["columns"]) - set(header))
    if lacking:
        raise SystemExit(f"the file has no column {', '.join(lacking)}; it has {', '.join(header)}")
    places = {
        name: {text: place for place, text in enumerate(known) if text}
        for name, known in model["categories"].items()
    }
    state = model["state"]
    family = constant if "constant" in state else FAMILIES[model["family"]]
    writer.writerow(model["classes"] or ["prediction"])
    for first, rows in chunks(reader):
        short = next((n for n, row in enumerate(rows) if len(row) != len(header)), None)
        if short is not None:
            raise SystemExit(
                f"row {first + short}: {len(rows[short])} fields, the header has {len(header)}"
            )
        batch = {
            name: column(name, kind, [row[header.index(name)] for row in rows], first, places)
            for name, kind in sorted(model["columns"].items())
        }
        for values in family(state, batch, len(rows)).tolist():
            writer.writerow([repr(value) for value in values])


def main(arguments: list[str]) -> None:
    """Score the file that is named, or stdin for `-`."""
    if len(arguments) != 1:
        raise SystemExit("wanted one file: python score.py in.csv > predictions.csv")
    model = json.loads(Path(__file__).with_name("model.json").read_text(encoding="utf-8"))
    if "constant" not in model["state"] and model["family"] not in FAMILIES:
        raise SystemExit(
            f"the model is of a family of its own ({model['source']}): only the project that "
            "trained it can score with it"
        )
    target = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    name: str | int = 0 if arguments[0] == "-" else arguments[0]
    try:
        with open(name, encoding="utf-8-sig", newline="") as source, target:
            score(model, source, target)
    except UnicodeDecodeError as error:
        raise SystemExit(f"{arguments[0]} is not UTF-8 text: {error.reason}") from None
    except OSError as error:
        raise SystemExit(f"{arguments[0]}: {error.strerror}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
