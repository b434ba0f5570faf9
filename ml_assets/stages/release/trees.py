"""LightGBM's trees as one ONNX TreeEnsemble in double precision.

Belongs here: flattening LightGBM's dump, its rules for missing values. Does not belong here:
encoding of columns, links from scores to probabilities.

Written here because onnxmltools converts to single precision only (a value can fall on the other
side of a split) and copies the left subtree for every category of a split by category: see
docs/adr/0010-onnx-trees-in-double-precision.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_assets.faults import NotExpressible
from ml_assets.stages.release.graph import Graph

LESS_OR_EQUAL, MEMBER = 0, 6
"""Modes of TreeEnsemble (ai.onnx.ml 5) that LightGBM's trees need."""


@dataclass
class Flat:
    """Trees as columns for TreeEnsemble; a leaf's `target` is the number of its score."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    tracks: list[int] = field(default_factory=list)
    members: dict[int, list[float]] = field(default_factory=dict)
    next: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    """Number of the node or leaf if the split holds, and if it does not."""
    leaf: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def tree(self, root: Mapping[str, Any], target: int) -> None:
        """Add a tree; its leaves count for one score."""
        self.roots.append(len(self.features))
        if "leaf_value" in root:
            # A tree needs a node: both of its sides are the leaf.
            self._split({"split_feature": 0, "decision_type": "<=", "threshold": 0.0})
            self._end(self.roots[-1], 0, root, target)
            self._end(self.roots[-1], 1, root, target)
            return
        # A stack, not recursion: trees can be deeper than Python's calls.
        waiting = self._children(root)
        while waiting:
            node, parent, side = waiting.pop()
            if "leaf_value" in node:
                self._end(parent, side, node, target)
                continue
            self.next[side][parent] = len(self.features)
            waiting += self._children(node)

    def _split(self, node: Mapping[str, Any]) -> int:
        place = len(self.features)
        self.features.append(int(node["split_feature"]))
        by_category = node["decision_type"] == "=="
        self.modes.append(MEMBER if by_category else LESS_OR_EQUAL)
        self.splits.append(0.0 if by_category else float(node["threshold"]))
        if by_category:
            self.members[place] = [float(code) for code in str(node["threshold"]).split("||")]
        missing_left = node.get("missing_type") == "NaN" and bool(node["default_left"])
        self.tracks.append(int(missing_left and not by_category))
        for side in (0, 1):
            self.next[side].append(0)
            self.leaf[side].append(0)
        return place

    def _children(self, node: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], int, int]]:
        """Add a split; return its children with its number and their side, the first last."""
        place = self._split(node)
        return [(node["right_child"], place, 1), (node["left_child"], place, 0)]

    def _end(self, parent: int, side: int, node: Mapping[str, Any], target: int) -> None:
        self.next[side][parent], self.leaf[side][parent] = len(self.targets), 1
        self.targets.append(target)
        self.weights.append(float(node["leaf_value"]))

    def add_to(self, graph: Graph, matrix: str, scores: int) -> str:
        """Add the ensemble to a graph; the result has shape (n, scores)."""
        members = [value for codes in self.members.values() for value in (*codes, np.nan)]
        more = {"membership_values": _tensor(members)} if members else {}
        return graph.ml(
            "TreeEnsemble",
            matrix,
            n_targets=scores,
            aggregate_function=1,
            post_transform=0,
            tree_roots=self.roots,
            nodes_featureids=self.features,
            nodes_modes=_tensor(np.array(self.modes, dtype=np.uint8)),
            nodes_splits=_tensor(self.splits),
            nodes_truenodeids=self.next[0],
            nodes_trueleafs=self.leaf[0],
            nodes_falsenodeids=self.next[1],
            nodes_falseleafs=self.leaf[1],
            nodes_missing_value_tracks_true=self.tracks,
            leaf_targetids=self.targets,
            leaf_weights=_tensor(self.weights),
            **more,
        )


def add_trees(graph: Graph, text: str, columns: Sequence[str]) -> tuple[str, str]:
    """Add a booster's trees; return raw scores (n, k) and the booster's objective.

    `columns` are names of encoded inputs (n, 1), float64, NaN where missing and -1 for a missing
    category. Raises NotExpressible for a rule on missing values that ONNX lacks.
    """
    import lightgbm

    dump = lightgbm.Booster(model_str=text).dump_model()
    flat, scores = Flat(), int(dump["num_tree_per_iteration"])
    rules: dict[int, str] = {}
    for number, tree in enumerate(dump["tree_info"]):
        flat.tree(tree["tree_structure"], number % scores)
        rules.update(_missing(tree["tree_structure"]))
    if "Zero" in rules.values():
        raise NotExpressible("the trees take 0 for a missing value, which ONNX cannot express")
    given = [
        # LightGBM treats a missing value as 0 if training had none in this feature.
        _zero(graph, name) if rules.get(place) == "None" else name
        for place, name in enumerate(columns)
    ]
    matrix = graph.op("Concat", *given, axis=1)
    return flat.add_to(graph, matrix, scores), str(dump["objective"])


def _zero(graph: Graph, name: str) -> str:
    return graph.op("Where", graph.op("IsNaN", name), graph.constant(0.0), name)


def _missing(root: Mapping[str, Any]) -> dict[int, str]:
    """Return how each numeric feature of a tree treats missing values."""
    kinds: dict[int, str] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if "leaf_value" in node:
            continue
        if node["decision_type"] == "<=":
            kinds[int(node["split_feature"])] = str(node["missing_type"])
        waiting += [node["left_child"], node["right_child"]]
    return kinds


def _tensor(values: Any) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values))
