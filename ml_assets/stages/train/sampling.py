"""Fewer rows of a fold, for learners that need not see all.

Belongs here: which rows. Does not belong here: reading them (`folds`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.train.encode import Array


def sample(target: Array, most: int, *, classes: bool) -> NDArray[np.int64]:
    """Return at most `most` evenly spaced row numbers of (n,), and the first row of each class."""
    if len(target) <= most:
        return np.arange(len(target))
    rows = np.linspace(0, len(target) - 1, most).astype(np.int64)
    first = np.unique(target, return_index=True)[1] if classes else rows
    return np.unique(np.concatenate([rows, first]))
