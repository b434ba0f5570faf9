"""From scores to predictions, each row by itself.

Belongs here: the logistic function and softmax. Does not belong here: where scores come from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_assets.stages.train.encode import Array


def linked(task: str, scores: Sequence[Array]) -> Array:
    """Return values (n,), or probabilities (n,) of class 1 or (n, k), for scores by output."""
    if task == "regression":
        return scores[0]
    if task == "binary":
        small = np.exp(-np.abs(scores[0]))
        return np.where(scores[0] >= 0, 1.0, small) / (1.0 + small)
    top = scores[0].copy()
    for score in scores[1:]:
        top = np.maximum(top, score)
    raised = [np.exp(score - top) for score in scores]
    total = np.zeros_like(top)
    for part in raised:
        total += part
    return np.column_stack([part / total for part in raised])
