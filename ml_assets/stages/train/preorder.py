"""Trees as a library holds them, brought into the order in which they are kept.

Belongs here: nodes in preorder, as arrays for JSON. Does not belong here: reading them (`trees`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Arrays:
    """Arrays of `trees.Trees` that grow tree by tree."""

    def __init__(self) -> None:
        self._roots: list[int] = []
        self._feature: list[int] = []
        self._splits: dict[str, list[Any]] = {"threshold": [], "right": [], "missing": []}
        self._members: dict[str, list[int]] = {}
        self._leaf: list[Any] = []

    def add(
        self,
        *,
        left: NDArray[Any],
        right: NDArray[Any],
        feature: NDArray[Any],
        threshold: NDArray[Any],
        missing: NDArray[Any],
        leaf: Sequence[Any],
        members: Mapping[int, Sequence[int]] = {},
    ) -> None:
        """Add a tree: columns by node, of which 0 is the root and one with no left a leaf (-1)."""
        first = len(self._feature)
        self._roots.append(first)
        lefts, rights = np.asarray(left).tolist(), np.asarray(right).tolist()
        order: list[int] = []
        place = [0] * len(lefts)
        waiting = [0]
        while waiting:
            node = waiting.pop()
            place[node] = first + len(order)
            order.append(node)
            if lefts[node] >= 0:
                waiting += [rights[node], lefts[node]]
        splits = [node for node in order if lefts[node] >= 0]
        for number, node in enumerate(splits, start=len(self._splits["right"])):
            if node in members:
                self._members[str(number)] = list(members[node])
        self._feature += [int(feature[n]) if lefts[n] >= 0 else -1 for n in order]
        self._splits["threshold"] += np.asarray(threshold, dtype=np.float64)[splits].tolist()
        self._splits["right"] += [place[rights[node]] for node in splits]
        self._splits["missing"] += np.asarray(missing, dtype=np.int64)[splits].tolist()
        self._leaf += [leaf[node] for node in order if lefts[node] < 0]

    def state(self) -> dict[str, Any]:
        """Return the arrays as plain JSON."""
        arrays = {"roots": self._roots, "feature": self._feature, **self._splits}
        return {**arrays, "members": self._members, "leaf": self._leaf}
