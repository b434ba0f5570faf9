"""Probabilities of classes, some of which a model did not learn.

Belongs here: lining up columns. Does not belong here: predicting (`predict`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_assets.stages.train.encode import Array


def aligned(prediction: Array, classes: Sequence[str], every: Sequence[str]) -> Array:
    """Return the probabilities (n, k) of `every` class, 0 for those not among `classes`.

    Predictions (n,) are returned as they are.
    """
    if prediction.ndim == 1 or list(classes) == list(every):
        return prediction
    place = {name: number for number, name in enumerate(classes)}
    nothing = np.zeros(len(prediction))
    return np.column_stack(
        [prediction[:, place[name]] if name in place else nothing for name in every]
    )
