"""Exact Shapley values of a prediction by trees that are kept as arrays.

Belongs here: one output of trees (`train/trees`). Does not belong here: which models have trees.

What a set of features is worth is the mean that the trees predict where only these are known: at a
split by another one, a row goes both ways, in the shares in which training rows did
("path-dependent": Lundberg et al., "From Local Explanations to Global Understanding with
Explainable AI for Trees", Nature Machine Intelligence 2, 2020).

On the way to a leaf, feature i has a share z_i, of the rows that its splits send this way, and
o_i = 1 if they send this row there, else 0. The leaf's value v counts for feature j

    v (o_j - z_j) times the integral over t from 0 to 1 of the product of t o_i + (1 - t) z_i
    over the other features i on the way.

The rule of Gauss and Legendre gives it exactly with half as many points as there are features on
the way. Each split is reckoned once for all leaves below it, as in Yu et al., "Linear TreeShap"
(NeurIPS 2022): it takes the place of an earlier split by the same feature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.trees import Integers, Trees

AT_ONCE = 1 << 21
"""Most numbers of an array that holds some for each pair of a row and a node."""


@dataclass(frozen=True)
class _Level:
    """m nodes of the same depth, sorted by the feature of the split above them."""

    nodes: Integers
    parents: Integers
    earlier: Integers
    """The node below the last split before by the same feature; -1 if there is none."""
    feature: Integers

    @property
    def is_left(self) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = self.nodes == self.parents + 1
        return mask


@dataclass(frozen=True)
class _Tables:
    """What a node does to a row, (m, 3, points), in each of three cases.

    All splits by the feature send the row here; all but the last do; others before it do not.
    """

    factor: Array
    """What the product over the features on the way is multiplied with."""
    amount: Array
    """What the leaves below count for the feature."""


class Shapley:
    """One output of trees, with the shares of training rows."""

    def __init__(
        self,
        trees: Trees,
        owner: Integers,
        roots: Integers,
        values: Array,
        rows: Array,
        features: int,
    ) -> None:
        """Count the shares of `rows` (n, width), training rows.

        `owner` (width,) says which of the `features` each column of the matrix is of; the output
        is the sum of the trees at `roots`, with `values` by leaf.
        """
        self._trees, self._roots, self._features = trees, roots, features
        self._levels = list(_levels(trees, owner, roots, features))
        self._values = np.where(trees.feature < 0, values[trees.leaf], 0.0)
        part = _parts(trees, self._levels, rows)
        share, depth = np.ones(len(part) + 1), np.zeros(len(part) + 1, dtype=np.int64)
        for level in self._levels:
            share[level.nodes] = part[level.nodes] * share[level.earlier]
            depth[level.nodes] = depth[level.parents] + (level.earlier < 0)
        self._points, weights = np.polynomial.legendre.leggauss(-(-int(depth.max()) // 2) or 1)
        points, weights = (self._points + 1.0) / 2.0, weights / 2.0
        self._tables = [_tables(level, part, share, points, weights) for level in self._levels]
        self.base = self._expected(part)
        """The mean over the training rows."""

    def _expected(self, part: Array) -> float:
        mean = self._values.copy()
        for level in reversed(self._levels):
            inner = level.parents[level.is_left]
            right = self._trees.right[inner]
            mean[inner] = part[inner + 1] * mean[inner + 1] + part[right] * mean[right]
        return float(mean[self._roots].sum())

    def contributions(self, matrix: Array) -> Array:
        """Return what each feature contributes to the output of rows (n, width): (n, features)."""
        size = AT_ONCE // max(len(self._values) * len(self._points), 1) or 1
        amounts = np.zeros((len(matrix), self._features))
        for first in range(0, len(matrix), size):
            rows = slice(first, first + size)
            amounts[rows] = self._some(matrix[rows]).T
        return amounts

    def _some(self, matrix: Array) -> Array:
        """Return the contributions (features, n) of a few rows."""
        left = _lefts(self._trees, matrix)
        here = np.ones((len(left) + 1, len(matrix)), dtype=bool)
        sums = np.ones((len(left), len(matrix), len(self._points)))
        cases = []
        for level, tables in zip(self._levels, self._tables, strict=True):
            sent, before = left[level.parents] == level.is_left[:, None], here[level.earlier]
            here[level.nodes] = sent & before
            case = np.where(before, np.where(sent, 0, 1), 2)
            factor = tables.factor[np.arange(len(case))[:, None], case]
            sums[level.nodes] = sums[level.parents] * factor
            cases.append(case)
        sums *= self._values[:, None, None]
        totals = np.zeros((self._features, len(matrix)))
        for level, tables, case in zip(
            self._levels[::-1], self._tables[::-1], cases[::-1], strict=True
        ):
            amount = tables.amount[np.arange(len(case))[:, None], case]
            amounts = (sums[level.nodes] * amount).sum(axis=2)
            starts = np.flatnonzero(np.diff(level.feature, prepend=-1))
            totals[level.feature[starts]] += np.add.reduceat(amounts, starts, axis=0)
            inner = level.parents[level.is_left]
            sums[inner] = sums[inner + 1] + sums[self._trees.right[inner]]
        return totals


def _levels(trees: Trees, owner: Integers, roots: Integers, features: int) -> Iterator[_Level]:
    nodes, last = roots, np.full((len(roots), features), -1)
    while True:
        split = trees.feature[nodes] >= 0
        if not split.any():
            return
        parents, last = np.tile(nodes[split], 2), np.tile(last[split], (2, 1))
        half = len(parents) // 2
        nodes = np.concatenate([parents[:half] + 1, trees.right[parents[half:]]])
        feature, each = owner[trees.feature[parents]], np.arange(len(nodes))
        earlier = last[each, feature]
        last[each, feature] = nodes
        order = np.argsort(feature, kind="stable")
        nodes, last = nodes[order], last[order]
        yield _Level(nodes, parents[order], earlier[order], feature[order])


def _parts(trees: Trees, levels: list[_Level], rows: Array) -> Array:
    """Return the share (nodes,) of the rows at its parent that each node has; 1/2 of none."""
    counts = np.zeros(len(trees.values))
    step = max(AT_ONCE // max(len(trees.roots), 1), 1)
    for first in range(0, len(rows), step):
        leaves = trees.leaves(rows[first : first + step]).ravel()
        counts += np.bincount(leaves, minlength=len(counts))
    cover = np.where(trees.feature < 0, counts[trees.leaf], 0.0)
    part = np.ones(len(cover))
    for level in reversed(levels):
        inner = level.parents[level.is_left]
        cover[inner] = cover[inner + 1] + cover[trees.right[inner]]
        above = cover[level.parents]
        part[level.nodes] = np.where(above > 0, cover[level.nodes] / np.maximum(above, 1), 0.5)
    return part


def _tables(level: _Level, part: Array, share: Array, points: Array, weights: Array) -> _Tables:
    t, now, before = points, share[level.nodes][:, None], share[level.earlier][:, None]
    sent, earlier = t + (1.0 - t) * now, t + (1.0 - t) * before
    others = np.broadcast_to(part[level.nodes][:, None], sent.shape)
    factor = np.stack([sent / earlier, (1.0 - t) * now / earlier, others], axis=1)
    taken = (1.0 - before) / earlier
    amounts = [(1.0 - now) / sent - taken, -1.0 / (1.0 - t) - taken, np.zeros_like(sent)]
    return _Tables(factor, np.stack(amounts, axis=1) * weights)


def _lefts(trees: Trees, matrix: Array) -> NDArray[np.bool_]:
    """Return whether each split (nodes, n) sends a row to the left."""
    splits = np.flatnonzero(trees.feature >= 0)
    number = np.ascontiguousarray(matrix.T)[trees.feature[splits]]
    left = number <= trees.threshold[splits, None]
    if len(trees.table):
        left = trees._by_category(splits[:, None], number, left)
    left = np.where(np.isnan(number), trees.missing[splits, None], left)
    lefts = np.zeros((len(trees.feature), len(matrix)), dtype=bool)
    lefts[splits] = left
    return lefts
