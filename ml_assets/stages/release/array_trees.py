"""Trees kept as arrays as one ONNX TreeEnsemble in double precision.

Belongs here: arrays to nodes, trees of one split a level as trees of nodes. Does not belong here:
the columns that they read, links from scores to probabilities (`onnx`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.release.graph import Graph
from ml_assets.stages.release.trees import LESS_OR_EQUAL, MEMBER, Flat
from ml_assets.stages.train.trees import Oblivious, Trees

Integers = NDArray[np.int64]


def add_arrays(graph: Graph, state: Mapping[str, Any], matrix: str) -> str:
    """Add the trees of a state; return their sums (n, outputs), `start` included.

    `matrix` is (n, width), float64, NaN where missing. Raises StageError for arrays that are none.
    """
    width, outputs = len(state["inputs"]), len(state["start"])
    start = np.array([state["start"]], dtype=np.float64)
    oblivious = state["kind"] == "oblivious"
    arrays = nodes(Oblivious(state["arrays"], width)) if oblivious else state["arrays"]
    if not arrays["roots"]:
        rows = graph.op("Concat", graph.rows(), graph.constant([1]), axis=0)
        return graph.op("Add", graph.op("Expand", graph.constant(0.0), rows), graph.constant(start))
    trees = Trees(arrays, width)
    if trees.values.ndim == 2 and outputs > 1:
        score = _vectors(graph, trees, matrix)
    else:
        # As the server adds: oblivious trees come before what they start from.
        first = np.zeros(0) if oblivious else start.ravel()
        flat = flattened(trees, trees.values.ravel(), outputs, first)
        score = flat.add_to(graph, matrix, outputs)
        if not oblivious:
            return score
    return graph.op("Add", score, graph.constant(start))


def _vectors(graph: Graph, trees: Trees, matrix: str) -> str:
    """Return the sums of leaves that hold a number for each output.

    A leaf of TreeEnsemble counts for one score: each tree gives its leaf's number as a score of
    its own, which is then looked up.
    """
    count = len(trees.roots)
    flat = flattened(trees, np.arange(len(trees.values), dtype=np.float64), count, np.zeros(0))
    leaves = graph.op("Cast", flat.add_to(graph, matrix, count), to=7)  # TensorProto.INT64
    gathered = graph.op("Gather", graph.constant(trees.values), leaves)
    return graph.op("ReduceSum", gathered, graph.constant([1]), keepdims=0)


def flattened(trees: Trees, weights: Any, outputs: int, first: Any) -> Flat:
    """Return trees as columns; tree `t` counts for output `t % outputs`.

    `first` holds what each output starts from, as a tree of one leaf before the others.
    """
    flat = Flat()
    for target, value in enumerate(first):
        flat.tree({"leaf_value": float(value)}, target)
    nodes_before, leaves_before = len(flat.features), len(flat.targets)
    split = trees.feature >= 0
    # A tree needs a node: where it is one leaf, both sides of that node are the leaf.
    alone = np.zeros(len(split), dtype=bool)
    alone[trees.roots] = ~split[trees.roots]
    kept = np.flatnonzero(split | alone)
    number = np.cumsum(split | alone) - 1 + nodes_before
    ends = np.where(split, 0, trees.leaf + leaves_before)
    own = np.arange(len(split))
    sides = (np.where(alone, own, own + 1), np.where(alone, own, trees.right))
    for side, children in enumerate(sides):
        after = children[kept]
        flat.next[side].extend(np.where(split[after], number[after], ends[after]).tolist())
        flat.leaf[side].extend((~split[after]).astype(int).tolist())
    by_category = trees.category[kept] >= 0
    flat.roots.extend(number[trees.roots].tolist())
    flat.features.extend(np.maximum(trees.feature[kept], 0).tolist())
    flat.modes.extend(np.where(by_category, MEMBER, LESS_OR_EQUAL).tolist())
    flat.splits.extend(np.where(by_category, 0.0, trees.threshold[kept]).tolist())
    flat.tracks.extend(trees.missing[kept].astype(int).tolist())
    for node in kept[by_category]:
        codes = np.flatnonzero(trees.table[trees.category[node]])
        flat.members[int(number[node])] = codes.astype(np.float64).tolist()
    tree = np.searchsorted(trees.roots, np.flatnonzero(~split), side="right") - 1
    flat.targets.extend((tree % outputs).tolist())
    flat.weights.extend(np.asarray(weights).tolist())
    return flat


def nodes(trees: Oblivious) -> dict[str, Any]:
    """Return trees of one split a level as arrays of trees with a split in every node."""
    roots: list[int] = []
    columns: dict[str, list[Any]] = {"feature": [], "threshold": [], "right": [], "leaf": []}
    shapes = {int(depth): _shape(int(depth)) for depth in np.unique(trees.depth)}
    for depth, first, start in zip(trees.depth, trees.first, trees.start, strict=True):
        level, right, leaf = shapes[int(depth)]
        root, split = len(columns["feature"]), level >= 0
        roots.append(root)
        features = trees.feature[first : first + depth]
        columns["feature"] += np.where(split, np.append(features, 0)[level], -1).tolist()
        columns["threshold"] += trees.threshold[first + level[split]].tolist()
        columns["right"] += (right + root).tolist()
        columns["leaf"] += trees.values[start + leaf].tolist()
    # A missing value is beyond no threshold.
    return {"roots": roots, **columns, "missing": [1] * len(columns["right"])}


def _shape(depth: int) -> tuple[Integers, Integers, Integers]:
    """Return the level of each node in preorder (-1: leaf), each split's right child, each leaf."""
    levels: list[int] = []
    rights: list[int] = []
    leaves: list[int] = []
    waiting = [(0, 0)]
    while waiting:
        level, bits = waiting.pop()
        if level == depth:
            levels.append(-1)
            leaves.append(bits)
            continue
        rights.append(len(levels) + (1 << (depth - level)))
        levels.append(level)
        waiting += [(level + 1, bits | 1 << level), (level + 1, bits)]
    return np.array(levels), np.array(rights, dtype=np.int64), np.array(leaves)
