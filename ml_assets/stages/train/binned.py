"""The rows of a fold in LightGBM's form: each value as the number of its bin.

Belongs here: how LightGBM reads rows, and how many at once. Does not belong here: growing trees.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import pyarrow as pa

from ml_assets.stages.train import encode

if TYPE_CHECKING:
    from ml_assets.stages.train.encode import Array
    from ml_assets.stages.train.folds import Fold

AT_ONCE = 10_000_000
"""Most values (rows by columns) handed over as one table, which is binned in half the time."""


def binned(
    params: dict[str, Any], fold: Fold, *, reference: Any = None, at_once: int = AT_ONCE
) -> Any:
    """Return a constructed `lightgbm.Dataset`, with the bins of `reference` if there is one.

    Up to `at_once` values are passed in one table, more of them batch by batch: the bins, and so
    the trees, are the same.
    """
    few = len(fold.target) * len(fold.columns) <= at_once
    kinds = list(fold.columns.values())
    data = lightgbm.Dataset(
        pa.concat_tables(fold.batches()) if few else _by_batch(fold),
        label=fold.target,
        weight=fold.weight,
        reference=reference,
        params={**params, "data_random_seed": sampling_seed(params["seed"])},
        # LightGBM rejects some characters in names.
        feature_name=[f"f{place}" for place in range(len(kinds))],
        categorical_feature=[place for place, kind in enumerate(kinds) if kind == "category"],
        free_raw_data=True,
    )
    data.construct()
    if fold.weight is None:
        # Batches with a reference inherit that it has weights, but hold zeros.
        data.set_field("weight", None)
    return data


def sampling_seed(seed: int) -> int:
    """Return the seed of the rows that LightGBM draws to find the bins.

    LightGBM derives it from `seed` like this (`Random::NextShort`), except for batches.
    """
    drawn = (214013 * seed + 2531011) >> 16
    return (drawn & 0x7FFF) % 0x7FFF


class _Rows(lightgbm.Sequence):
    """The rows of one batch, read on demand."""

    def __init__(self, read: Callable[[int], Array], place: int, count: int) -> None:
        self._read, self._place = read, place
        self.batch_size = count

    def __len__(self) -> int:
        return self.batch_size

    def __getitem__(self, chosen: Any) -> Any:
        return self._read(self._place)[chosen]


def _by_batch(fold: Fold) -> list[_Rows]:
    # LightGBM samples row by row, one batch after the other.
    @lru_cache(maxsize=1)
    def read(place: int) -> Array:
        batch = fold.batch(place)
        return np.column_stack([encode.values(batch, name) for name in batch.column_names])

    return [_Rows(read, place, len(part)) for place, part in enumerate(fold.parts)]
