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
PAIRS = 1 << 17
"""Most pairs of a row and a tree that are walked at once."""
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


def matrix(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return the numbers (n, width) that trees read: columns, or what a table says of a code."""
    found = np.empty((rows, len(state["inputs"])))
    for place, part in enumerate(state["inputs"]):
        value = batch[part["column"]]
        if "table" in part:
            code = np.where(np.isnan(value), 0, value + 1).astype(np.int64)
            value = np.array(part["table"], dtype=np.float64)[code]
        found[:, place] = value
    return found


def trees(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return what trees kept as arrays predict; each row is summed tree by tree."""
    if "ready" not in state:
        found = dict(state["arrays"])
        members = found.pop("members", {})
        arrays = {name: np.array(value) for name, value in found.items()}
        state["ready"] = arrays if state["kind"] == "oblivious" else nodes(arrays, members)
    walk = levels if state["kind"] == "oblivious" else leaves
    ready, start = state["ready"], np.array(state["start"], dtype=np.float64)
    given = matrix(state, batch, rows)
    count = len(ready["depth" if walk is levels else "roots"])
    size = max(PAIRS // max(count, 1), 1)
    parts = []
    for first in range(0, rows, size):
        added = ready["leaf"][walk(ready, given[first : first + size])]
        added = added.reshape(count, -1, len(start))
        before = np.zeros(len(start)) if walk is levels else start
        before = np.broadcast_to(before, (1, *added.shape[1:]))
        total = np.add.accumulate(np.concatenate([before, added]), axis=0)[-1]
        parts.append(total + start if walk is levels else total)
    score = np.concatenate(parts)
    if state["mean"]:
        return score / count
    return np.column_stack(linked(state["task"], list(score.T)))


def levels(ready: dict[str, Array], given: Array) -> NDArray[np.int64]:
    """Return each row's leaf (trees, n) of trees with one split a level."""
    depth = ready["depth"].astype(np.int64)
    first, sizes = np.cumsum(depth) - depth, 1 << depth
    beyond = given.T[ready["feature"].astype(np.int64)] > ready["threshold"][:, None]
    found = np.repeat((np.cumsum(sizes) - sizes)[:, None], len(given), axis=1)
    for level in range(int(depth.max(initial=0))):
        deep = np.flatnonzero(depth > level)
        found[deep] += beyond[first[deep] + level].astype(np.int64) << level
    return found


def nodes(arrays: dict[str, Array], members: dict[str, list[int]]) -> dict[str, Array]:
    """Return the arrays of trees with a value for each node; a node's left child follows it.

    `members` are the codes that go left, by number of the split; `table` has a row for each.
    """
    split = arrays["feature"] >= 0
    found = {name: np.zeros(len(split)) for name in ("threshold", "right", "missing")}
    for name, values in found.items():
        values[split] = arrays[name]
    number = np.where(split, -1, np.cumsum(~split) - 1)
    category = np.full(len(split), -1)
    category[np.flatnonzero(split)[np.array(list(members), dtype=np.int64)]] = np.arange(
        len(members)
    )
    size = max((code for codes in members.values() for code in codes), default=0) + 2
    table = np.zeros((len(members), size), dtype=bool)
    for place, codes in enumerate(members.values()):
        table[place, codes] = True
    right = found["right"].astype(np.int64)
    more: dict[str, Any] = {"number": number, "category": category, "table": table, "right": right}
    return {**arrays, **found, **more}


def leaves(ready: dict[str, Array], given: Array) -> NDArray[np.int64]:
    """Return each row's leaf (trees, n)."""
    rows, width = given.shape
    node = np.repeat(ready["roots"], rows)
    start = np.tile(np.arange(rows) * width, len(ready["roots"]))
    going = np.flatnonzero(ready["feature"][node] >= 0)
    while len(going):
        at = node[going]
        value = given.ravel()[start[going] + ready["feature"][at]]
        left = value <= ready["threshold"][at]
        if len(ready["table"]):
            last = ready["table"].shape[1] - 1
            code = np.where((value >= 0) & (value < last), value, last).astype(np.int64)
            left = np.where(
                ready["category"][at] >= 0, ready["table"][ready["category"][at], code], left
            )
        left = np.where(np.isnan(value), ready["missing"][at] == 1, left)
        node[going] = np.where(left, at + 1, ready["right"][at])
        going = going[ready["feature"][node[going]] >= 0]
    ends: NDArray[np.int64] = ready["number"][node].reshape(-1, rows)
    return ends


def blend(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return the weighted mean of what the members predict."""
    total: Any = 0.0
    for member in state["members"]:
        found = FAMILIES[member["family"]](member["state"], batch, rows)
        total = total + member["weight"] * found
    return np.asarray(total, dtype=np.float64)


FAMILIES = {
    "median": constant,
    "prior": constant,
    "group_median": group_median,
    "linear": linear,
    "lightgbm": lightgbm,
    "lightgbm_tuned": lightgbm,
    "catboost": trees,
    "random_forest": trees,
    "extra_trees": trees,
    "hist_gradient_boosting": trees,
    "blend": blend,
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
