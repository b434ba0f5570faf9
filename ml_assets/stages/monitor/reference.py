"""What estimates learn from: rows that a model predicted and had not learned from, with targets.

Belongs here: the rows, parts of them, and what has no estimate. Does not belong here: estimating.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.metrics import Array


class NotEstimable(Exception):
    """An estimate does not exist; the text says why."""


@dataclass(frozen=True)
class Reference:
    """n rows in order of time.

    Targets and predictions are as `metrics` takes them: a class is its index among the model's
    (`folds.labels` makes it of a text), -1 for a class that the model does not know.
    """

    features: Array
    """The matrix (n, width) that the model sees; categories as codes, NaN for missing."""
    prediction: Array
    target: Array
    batch: Sequence[str]
    """The batch of each row (n,); a batch that comes back is the same batch."""

    def __len__(self) -> int:
        return len(self.target)

    def where(self, kept: NDArray[np.bool_]) -> Reference:
        """Return some of the rows."""
        batch = [name for name, taken in zip(self.batch, kept, strict=True) if taken]
        return Reference(self.features[kept], self.prediction[kept], self.target[kept], batch)

    def numbered(self) -> tuple[list[str], NDArray[np.int64]]:
        """Return the batches in the order of their first row, and each row's (n,) among them."""
        names = list(dict.fromkeys(self.batch))
        place = {name: number for number, name in enumerate(names)}
        return names, np.array([place[name] for name in self.batch], dtype=np.int64)


def inputs(features: Array, prediction: Array) -> Array:
    """Return the columns that rows are told apart by: features, then predictions."""
    return np.column_stack([features, prediction])


def evenly(rows: int, most: int) -> NDArray[np.int64]:
    """Return the numbers of at most `most` of the rows, evenly spaced.

    >>> evenly(5, 3)
    array([0, 2, 4])
    """
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))
