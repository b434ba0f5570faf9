"""What a site sends of its trees, and what the coordinator accepts.

Belongs here: the allowed form of a payload, built from what may leave and checked on arrival. Does
not belong here: growing trees (`boost`), writing the log (`log`).

XGBoost's model says more than predicts: sums of hessians (a leaf's rows), weights of inner nodes,
gains, a start learned from targets, thresholds that are a row's numbers. Here a tree is its
shape, the columns that it splits, agreed cuts by number, and the values of leaves.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

Tree = dict[str, list[Any]]
_LEAF = 2147483647
"""What XGBoost writes as the parent of a root."""
_DIGITS = 5


class Lie(ValueError):
    """A payload that no honest site sends; the text says what is wrong."""


def stripped(model: Mapping[str, Any], cuts: list[int]) -> list[Tree]:
    """Return the trees of an XGBoost model as what may leave; `cuts` says how many each column has.

    `feature` and `cut` by node (-1 for a leaf), `left` and `right` likewise, `missing` (whether a
    missing number goes left), `leaf` (0 for other nodes). A row goes left if its number is at most
    the cut; at cut -1 no number does, and at the one after the last every number.
    """
    return [_tree(tree, cuts) for tree in model["learner"]["gradient_booster"]["model"]["trees"]]


def _tree(tree: Mapping[str, Any], cuts: list[int]) -> Tree:
    left = [int(child) for child in tree["left_children"]]
    ends = [child < 0 for child in left]
    conditions, features = tree["split_conditions"], [int(f) for f in tree["split_indices"]]
    return {
        "left": left,
        "right": [int(child) for child in tree["right_children"]],
        "feature": [-1 if end else f for end, f in zip(ends, features, strict=True)],
        # Bins are whole numbers: a row goes left if its own is less than the condition. The last
        # condition of a column is beyond its greatest number, by how much depends on that.
        "cut": [
            -1 if end else min(max(math.ceil(c) - 1, -1), cuts[f])
            for end, c, f in zip(ends, conditions, features, strict=True)
        ],
        "missing": [
            int(not end and bool(d)) for end, d in zip(ends, tree["default_left"], strict=True)
        ],
        "leaf": [
            float(f"{c:.{_DIGITS}g}") if end else 0.0
            for end, c in zip(ends, conditions, strict=True)
        ],
    }


def checked(
    content: bytes, *, cuts: list[int], trees: int, leaves: int, bound: float
) -> list[Tree]:
    """Return the trees of a payload; Lie if it is none that an honest site sends.

    `cuts` says how many there are of each column; no leaf is beyond `bound`.
    """
    try:
        found = json.loads(content, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise Lie(f"not JSON ({str(error)[:80]})") from error
    if not isinstance(found, list) or len(found) > trees:
        raise Lie(f"not a list of at most {trees} trees")
    for number, tree in enumerate(found):
        why = _wrong(tree, cuts, leaves, bound)
        if why is not None:
            raise Lie(f"tree {number}: {why}")
    return found


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


_FIELDS = {"left", "right", "feature", "cut", "missing", "leaf"}


def _wrong(tree: Any, cuts: list[int], leaves: int, bound: float) -> str | None:
    """Return what is wrong with a tree, if anything is."""
    if not isinstance(tree, dict) or set(tree) != _FIELDS:
        return f"wanted the fields {', '.join(sorted(_FIELDS))} and no other"
    size = len(tree["left"]) if isinstance(tree["left"], list) else 0
    if not 1 <= size < 2 * leaves or any(
        not isinstance(part, list) or len(part) != size for part in tree.values()
    ):
        return f"wanted 1 to {2 * leaves - 1} nodes in each field"
    whole = [tree[name] for name in ("left", "right", "feature", "cut", "missing")]
    if any(type(value) is not int for part in whole for value in part):
        return "wanted whole numbers"
    for value in tree["leaf"]:
        if type(value) not in (int, float) or not math.isfinite(value):
            return "a leaf is not a number"
        if abs(value) > bound:
            return f"a leaf of {value:g}, wanted at most {bound:g} on either side of 0"
    if not set(tree["missing"]) <= {0, 1}:
        return "missing numbers go left (1) or not (0)"
    return _misshapen(tree, size, cuts)


def _misshapen(tree: Tree, size: int, cuts: list[int]) -> str | None:
    """Return what is wrong with a tree's nodes: XGBoost follows any number that it is given."""
    seen = [0]
    for node in range(size):
        left, right, feature, cut = (
            tree[name][node] for name in ("left", "right", "feature", "cut")
        )
        if left == -1:
            if (right, feature, cut) != (-1, -1, -1):
                return "a leaf with a split"
            continue
        if not (node < left < size and node < right < size):
            return "a child that is not after its parent"
        if not (0 <= feature < len(cuts) and -1 <= cut <= cuts[feature]):
            return "a split that is at no agreed cut"
        seen += [left, right]
    return None if sorted(seen) == list(range(size)) else "its nodes do not form a tree"


def scaled(trees: list[Tree], share: float) -> list[Tree]:
    """Return trees whose leaves count for a share."""
    return [{**tree, "leaf": [value * share for value in tree["leaf"]]} for tree in trees]


def booster(trees: list[Tree], width: int, start: float) -> dict[str, Any]:
    """Return trees as the model that XGBoost and Flower's bagging read; the rest is constant."""
    return {
        "version": [3, 0, 0],
        "learner": {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": {
                "name": "gbtree",
                "model": {
                    # Flower appends this many trees of a payload.
                    "gbtree_model_param": {
                        "num_parallel_tree": str(max(len(trees), 1)),
                        "num_trees": str(len(trees)),
                    },
                    "iteration_indptr": list(range(len(trees) + 1)),
                    "tree_info": [0] * len(trees),
                    "trees": [_xgboost(tree, number, width) for number, tree in enumerate(trees)],
                    "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
                },
            },
            "learner_model_param": {
                "base_score": f"[{start!r}]",
                "boost_from_average": "0",
                "num_class": "0",
                "num_feature": str(width),
                "num_target": "1",
            },
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
    }


def _xgboost(tree: Tree, number: int, width: int) -> dict[str, Any]:
    size = len(tree["left"])
    parents = [_LEAF] * size
    for node in range(size):
        if tree["left"][node] >= 0:
            parents[tree["left"][node]] = parents[tree["right"][node]] = node
    ends = [child < 0 for child in tree["left"]]
    nothing = [0.0] * size
    return {
        "id": number,
        "left_children": tree["left"],
        "right_children": tree["right"],
        "parents": parents,
        "split_indices": [max(feature, 0) for feature in tree["feature"]],
        "split_conditions": [
            leaf if end else float(cut + 1)
            for end, leaf, cut in zip(ends, tree["leaf"], tree["cut"], strict=True)
        ],
        "split_type": [0] * size,
        "default_left": tree["missing"],
        "base_weights": nothing,
        "loss_changes": nothing,
        "sum_hessian": nothing,
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(width),
            "num_nodes": str(size),
            "size_leaf_vector": "1",
        },
    }
