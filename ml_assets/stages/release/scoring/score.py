"""Score a CSV file with the model of this bundle, in the server's own format.

    python score.py in.csv > predictions.csv

Needs what requirements.txt pins and nothing else. Each row is scored by itself, so a row alone and
in a batch has the same prediction. Here are trees kept as arrays, and blends; score_base.py reads
the file and knows the other families.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))

base: Any = import_module("score_base")
Array = NDArray[np.float64]
PAIRS = 1 << 17
"""Most pairs of a row and a tree that are walked at once."""


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
        if added.ndim == 2:
            # One output a tree, in turn.
            added = added.reshape(-1, len(start), added.shape[1]).transpose(0, 2, 1)
        before = np.zeros(len(start)) if walk is levels else start
        before = np.broadcast_to(before, (1, *added.shape[1:]))
        total = np.add.accumulate(np.concatenate([before, added]), axis=0)[-1]
        parts.append(total + start if walk is levels else total)
    score = np.concatenate(parts)
    if state["mean"]:
        return score / count
    if state.get("link") == "log":
        raised: Array = np.exp(score)
        return raised
    return np.column_stack(base.linked(state["task"], list(score.T)))


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


def value(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return the one value that every row has."""
    return np.full((rows, 1), state["value"])


def sklearn(state: dict[str, Any], batch: dict[str, Array], rows: int) -> Array:
    """Return what an estimator of scikit-learn predicts, as estimator.py reads it."""
    kept: Any = import_module("estimator")
    found: Array = kept.predict(state, matrix(state, batch, rows)).reshape(rows, -1)
    return found


FAMILIES: dict[str, Any] = base.FAMILIES
FAMILIES |= {
    "catboost": trees,
    "random_forest": trees,
    "extra_trees": trees,
    "hist_gradient_boosting": trees,
    "blend": blend,
    "sklearn": sklearn,
    "mean": value,
    "quantile": value,
}
chunks, score, main = base.chunks, base.score, base.main

if __name__ == "__main__":
    main(sys.argv[1:])
