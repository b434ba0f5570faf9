"""The parts of a cross-validation: which rows are held out together.

Belongs here: dividing the rows of train and validation. Does not belong here: fitting, and the
folds that it happens within (`split`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.faults import StageError
from ml_assets.stages.keys import named
from ml_assets.stages.split.hash import uniform
from ml_assets.stages.split.ranges import REFERENCES

if TYPE_CHECKING:
    from ml_assets.spec.model import CrossSpec
    from ml_assets.stages.train.folds import Fold

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Division:
    """For each of the n rows, the number of its part; by time, part 0 is never held out."""

    part: Ints
    forward: bool

    def each(self) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.bool_]]]:
        """Yield (number, rows to learn from (n,), rows held out (n,)) of each part."""
        for number in range(int(self.forward), int(self.part.max()) + 1):
            held = self.part == number
            yield number, (self.part < number) if self.forward else ~held, held


def divide(spec: CrossSpec, fold: Fold) -> Division:
    """Divide the rows of a fold; StageError if they cannot be divided in two.

    By time: consecutive parts of whole batches, of equal times where there are fewer batches than
    parts. Otherwise groups (rows, where there are none) in the order of the hash of their key,
    class by class, are dealt to the parts in turn, so that each part has nearly as many of a
    class.
    """
    if spec.forward:
        return Division(_consecutive(_moments(fold, spec.folds), spec.folds + 1), True)
    name = "_group" if spec.grouped else "_key"
    texts = [named(part.table([name])[name], part.batch) for part in fold.parts]
    text = pa.chunked_array([chunk for item in texts for chunk in item.cast(pa.string()).chunks])
    return Division(_dealt(spec, text, fold.target), False)


def _dealt(spec: CrossSpec, text: pa.ChunkedArray, target: NDArray[np.float64]) -> Ints:
    hashed = uniform(text, f"{spec.salt}/cross_validation")
    _, first, entity = np.unique(hashed, return_index=True, return_inverse=True)
    if len(first) < 2:
        raise StageError(
            f"cross_validation needs at least 2 groups of rows, has {len(first)} in "
            f"{len(target):,} rows of train and validation; use selection: validation"
        )
    label = target[first] if spec.task != "regression" else np.zeros(len(first))
    # np.unique sorts by the hash, and a stable sort keeps that order within a class.
    order = np.argsort(label, kind="stable")
    part = np.empty(len(first), dtype=np.int64)
    part[order] = np.arange(len(first)) % spec.folds
    return np.asarray(part[entity], dtype=np.int64)


def _moments(fold: Fold, count: int) -> Ints:
    """Return a number for each row, in the order of time; rows of one number stay together."""
    sizes = [len(part) for part in fold.parts]
    if len(sizes) > count:
        return np.repeat(np.arange(len(sizes)), sizes)
    tables = [part.table(["_time"])["_time"].combine_chunks() for part in fold.parts]
    times = np.concatenate([table.cast(pa.int64()).fill_null(-(2**62)) for table in tables])
    return np.unique(times, return_inverse=True)[1].astype(np.int64)


def _consecutive(moment: Ints, count: int) -> Ints:
    """Return the part of each row: `count` parts of nearly as many rows, no moment in two."""
    sizes = np.bincount(moment)
    if len(sizes) < 2:
        raise StageError(
            f"cross_validation by time needs at least 2 batches or times, has {len(sizes)} in "
            f"{len(moment):,} rows of train and validation; land more, or use selection: validation"
        )
    middle = np.cumsum(sizes) - sizes / 2
    part = np.minimum((middle * count / len(moment)).astype(np.int64), count - 1)
    # Large moments leave numbers unused.
    part = np.unique(part, return_inverse=True)[1]
    if part.max() == 0:
        part = np.minimum(np.arange(len(sizes)), 1)
    return np.asarray(part[moment], dtype=np.int64)


def references(fold: Fold, kept: NDArray[np.bool_]) -> pa.Table:
    """Return the rows of a fold of which `kept` (n,) is true, as row references."""
    tables = [
        pa.table(
            {
                "batch": pa.array([part.batch] * len(part.spans), pa.string()),
                "features": pa.array([part.features.digest] * len(part.spans), pa.string()),
                "start": part.spans[:, 0],
                "stop": part.spans[:, 1],
            },
            schema=REFERENCES,
        )
        for part in fold.where(kept).parts
        if len(part)
    ]
    return pa.concat_tables(tables) if tables else REFERENCES.empty_table()
