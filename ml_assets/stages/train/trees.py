"""Decision trees as plain JSON arrays: checked when loaded, predicting in double precision.

Belongs here: the arrays of trees whose every node has a split of its own (`Trees`), and of those
with one split a level (`Oblivious`). Does not belong here: growing trees, the matrix they read.

A tree's nodes stand in preorder: the left child of node `i` is `i + 1`, so no node comes twice and
no walk can go round. A row goes left where its number is at most the threshold. Scores are summed
tree by tree, so a row alone and in a batch are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_assets.faults import StageError
from ml_assets.stages.train.encode import Array

Integers = NDArray[np.int64]
AT_ONCE = 1 << 17
"""Most pairs of a row and a tree that are walked at once."""
GREATEST = float(np.finfo(np.float64).max)


def single(thresholds: Array) -> Array:
    """Return thresholds of numbers rounded to single precision as ones of double precision.

    For every finite x, `x <= single(t)` holds exactly if `float32(x) <= t` does, where numbers
    beyond single precision's greatest are taken as that.
    """
    wide = np.asarray(thresholds, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        low = wide.astype(np.float32)
        below = np.nextafter(low, np.float32(-np.inf))
        low = np.where(low.astype(np.float64) > wide, below, low)
        high = np.nextafter(low, np.float32(np.inf))
        middle = low.astype(np.float64) / 2 + high.astype(np.float64) / 2
    # Halfway is rounded to the even one of the two.
    even = low.view(np.int32) % 2 == 0
    cuts = np.where(even, middle, np.nextafter(middle, -np.inf))
    return np.where(np.isfinite(high), cuts, GREATEST)


class Trees:
    """Trees with a split of its own in every node; raises StageError for arrays that are none.

    `state` holds `roots`, `feature` (-1 for a leaf) by node; `threshold`, `right`, `missing`
    (whether a missing value goes left) by split; `members` (the codes that go left) of splits by
    category; `leaf` by leaf: a number, or one for each output.
    """

    def __init__(self, state: Mapping[str, Any], width: int) -> None:
        self.roots, self.feature = _integers(state, "roots"), _integers(state, "feature")
        splits = np.flatnonzero(self.feature >= 0)
        ends = np.flatnonzero(self.feature < 0)
        nodes = len(self.feature)
        self.right = np.zeros(nodes, dtype=np.int64)
        self.right[splits] = _sized(_integers(state, "right"), len(splits), "right")
        self.threshold = np.zeros(nodes)
        self.threshold[splits] = _sized(_numbers(state, "threshold"), len(splits), "threshold")
        self.missing = np.zeros(nodes, dtype=bool)
        self.missing[splits] = _sized(_integers(state, "missing"), len(splits), "missing") == 1
        self.leaf = np.zeros(nodes, dtype=np.int64)
        self.leaf[ends] = np.arange(len(ends))
        self.values = _sized(_numbers(state, "leaf"), len(ends), "leaf")
        self.category = np.full(nodes, -1, dtype=np.int64)
        self.table = self._members(state.get("members", {}), splits)
        self._check(width, splits)

    def _members(self, members: Mapping[str, Any], splits: Integers) -> NDArray[np.bool_]:
        """Return which codes (splits by category, codes) go left; the last column is of none."""
        codes = [_integers(members, name) for name in members]
        places = np.array([int(name) for name in members], dtype=np.int64)
        _must(((places >= 0) & (places < len(splits))).all(), "members")
        _must(all((c >= 0).all() and (c < 1 << 16).all() for c in codes), "members")
        size = max((int(c.max(initial=0)) for c in codes), default=0) + 2
        table = np.zeros((len(codes), size), dtype=bool)
        for number, own in enumerate(codes):
            table[number, own] = True
        self.category[splits[places]] = np.arange(len(places))
        return table

    def _check(self, width: int, splits: Integers) -> None:
        nodes = len(self.feature)
        _must(((self.feature >= -1) & (self.feature < width)).all(), "feature")
        _must(nodes == 0 or (len(self.roots) > 0 and self.roots[0] == 0), "roots")
        _must((np.diff(self.roots, append=nodes) > 0).all(), "roots")
        ends = np.append(self.roots[1:], nodes)
        tree = np.searchsorted(self.roots, splits, side="right") - 1
        # Only forwards and within the tree: every walk ends in one of its leaves.
        right = self.right[splits]
        _must(((right > splits + 1) & (right < ends[tree])).all(), "right")
        _must((self.feature[ends - 1] < 0).all(), "feature")

    def leaves(self, matrix: Array) -> Integers:
        """Return the number of the leaf (trees, n) in which each row (n, width) ends."""
        rows, width = matrix.shape
        flat, gaps = matrix.ravel(), bool(np.isnan(matrix).any())
        node = np.repeat(self.roots, rows)
        start = np.tile(np.arange(rows) * width, len(self.roots))
        going = np.flatnonzero(self.feature[node] >= 0)
        while len(going):
            at = node[going]
            number = flat[start[going] + self.feature[at]]
            left = number <= self.threshold[at]
            if len(self.table):
                left = self._by_category(at, number, left)
            if gaps:
                left = np.where(np.isnan(number), self.missing[at], left)
            after = np.where(left, at + 1, self.right[at])
            node[going] = after
            going = going[self.feature[after] >= 0]
        return self.leaf[node].reshape(len(self.roots), rows)

    def _by_category(self, at: Integers, number: Array, left: NDArray[np.bool_]) -> Any:
        category, last = self.category[at], self.table.shape[1] - 1
        code = np.where((number >= 0) & (number < last), number, last).astype(np.int64)
        return np.where(category >= 0, self.table[category, code], left)

    def scores(self, matrix: Array, start: Array) -> Array:
        """Return the sums (n, outputs) of `start` (outputs,) and each tree's leaf."""
        totals = np.empty((len(matrix), len(start)))
        for rows in _blocks(len(matrix), len(self.roots)):
            added = self.values[self.leaves(matrix[rows])]
            if added.ndim == 2:
                # One output a tree, in turn.
                added = added.reshape(-1, len(start), added.shape[1]).transpose(0, 2, 1)
            totals[rows] = _summed(added, start)
        return totals


class Oblivious:
    """Trees with one split a level; raises StageError for arrays that are none.

    `state` holds `depth` by tree, `feature` and `threshold` by level, and `leaf` (a list for each
    output) by leaf: bit `i` of a leaf's number says whether the row is beyond the i-th threshold.
    """

    def __init__(self, state: Mapping[str, Any], width: int) -> None:
        self.depth = _integers(state, "depth")
        _must(((self.depth >= 0) & (self.depth <= 16)).all(), "depth")
        levels = int(self.depth.sum())
        self.feature = _sized(_integers(state, "feature"), levels, "feature")
        self.threshold = _sized(_numbers(state, "threshold"), levels, "threshold")
        _must(((self.feature >= 0) & (self.feature < width)).all(), "feature")
        self.values = _sized(_numbers(state, "leaf"), int((1 << self.depth).sum()), "leaf")
        self.first = np.cumsum(self.depth) - self.depth
        self.start = np.cumsum(1 << self.depth) - (1 << self.depth)

    def leaves(self, matrix: Array) -> Integers:
        """Return the number of the leaf (trees, n) in which each row (n, width) ends."""
        # NaN is less than every threshold.
        beyond = np.ascontiguousarray(matrix.T)[self.feature] > self.threshold[:, None]
        positions = np.repeat(self.start[:, None], len(matrix), axis=1)
        for level in range(int(self.depth.max(initial=0))):
            trees = np.flatnonzero(self.depth > level)
            positions[trees] += beyond[self.first[trees] + level].astype(np.int64) << level
        return positions

    def scores(self, matrix: Array, start: Array) -> Array:
        """Return `start` (outputs,) and the sums (n, outputs) of each tree's leaf."""
        totals = np.empty((len(matrix), len(start)))
        for rows in _blocks(len(matrix), len(self.depth)):
            added = self.values[self.leaves(matrix[rows])].reshape(len(self.depth), -1, len(start))
            totals[rows] = _summed(added, np.zeros(len(start))) + start
        return totals


def _summed(added: Array, start: Array) -> Array:
    """Return the sums (n, outputs) of (trees, n, outputs), in the order of the trees."""
    first = np.broadcast_to(start, (1, *added.shape[1:]))
    # Not sum(): its order depends on how many rows there are.
    totals: Array = np.add.accumulate(np.concatenate([first, added]), axis=0)[-1]
    return totals


def _blocks(rows: int, trees: int) -> list[slice]:
    size = max(AT_ONCE // max(trees, 1), 1)
    return [slice(first, first + size) for first in range(0, rows, size)]


def _numbers(state: Mapping[str, Any], name: str) -> Array:
    try:
        numbers = np.asarray(state[name], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        numbers = np.array(np.nan)
    _must(numbers.ndim in (1, 2) and bool(np.isfinite(numbers).all()), name)
    return numbers


def _integers(state: Mapping[str, Any], name: str) -> Integers:
    numbers = _numbers(state, name)
    whole = numbers.astype(np.int64)
    _must(numbers.ndim == 1 and bool((whole == numbers).all()), name)
    return whole


def _sized(array: Any, size: int, name: str) -> Any:
    _must(len(array) == size, name)
    return array


def _must(holds: Any, name: str) -> None:
    if not holds:
        raise StageError(f"the model's trees are damaged: {name!r} is not what trees can hold")
