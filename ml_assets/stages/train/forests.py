"""Random forests and extra trees: scikit-learn grows them, plain arrays predict.

Belongs here: growing with scikit-learn, its trees as arrays. Does not belong here: predicting
(`tree_model`), which of the two it is.

scikit-learn compares numbers in single precision. The thresholds are kept as those of double
precision that send every number to the same side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.stages.train import matrix, preorder
from ml_assets.stages.train.class_weight import balanced
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.sampling import sample
from ml_assets.stages.train.trees import single

if TYPE_CHECKING:
    from ml_assets.spec.families import ExtraTrees, RandomForest
    from ml_assets.stages.train.folds import Context, Fold

_BIGGEST = float(np.finfo(np.float32).max)


def grown(
    kinds: tuple[Any, Any], settings: RandomForest | ExtraTrees, fold: Fold, context: Context
) -> dict[str, Any]:
    """Return the state of a forest grown on at most `max_rows` rows of a fold.

    `kinds` are scikit-learn's classes of it: for values, for classes.
    """
    fold = balanced(fold, context, settings.class_weight)
    rows = sample(fold.target, settings.max_rows, classes=context.task != "regression")
    target, weight = fold.target[rows], None if fold.weight is None else fold.weight[rows]
    if weight is not None and not weight.any():
        weight = None
    numbers, inputs = matrix.learn(fold.take(rows), target, weight, context, settings.one_hot)
    forest = kinds[context.task != "regression"](
        n_estimators=settings.num_trees,
        max_leaf_nodes=settings.num_leaves,
        min_samples_leaf=settings.min_data_in_leaf or (1 if context.task == "regression" else 5),
        max_features=settings.feature_fraction or ("sqrt" if context.classes else 1.0),
        n_jobs=context.threads,
        random_state=context.seed,
    )
    forest.fit(numbers.clip(-_BIGGEST, _BIGGEST), target, sample_weight=weight)
    notes = []
    if len(rows) < len(fold.target):
        notes.append(f"grown on {len(rows):,} of {len(fold.target):,} evenly spaced rows")
    return {
        "task": context.task,
        "inputs": inputs,
        "kind": "trees",
        "arrays": arrays([tree.tree_ for tree in forest.estimators_], context.task),
        "start": [0.0] * (len(context.classes) or 1),
        "mean": True,
        "trees": len(forest.estimators_),
        "importance": matrix.by_column(forest.feature_importances_, inputs, context),
        "report": {"notes": notes},
    }


def arrays(trees: list[Any], task: str) -> dict[str, Any]:
    """Return scikit-learn's trees as arrays for `trees.Trees`."""
    forest = preorder.Arrays()
    for tree in trees:
        values: Array = tree.value[:, 0, :]
        leaves = values.tolist() if task == "multiclass" else values[:, -1].tolist()
        forest.add(
            left=tree.children_left,
            right=tree.children_right,
            feature=tree.feature,
            threshold=single(tree.threshold),
            missing=tree.missing_go_to_left,
            leaf=leaves,
        )
    return forest.state()
