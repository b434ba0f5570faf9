"""Seeded samples of row references.

Belongs here: which rows. Does not belong here: reading them (`train/folds.py`).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def sample(references: pa.Table, most: int, seed: int) -> pa.Table:
    """Return references of one row each: at most `most` rows, at random, in their order.

    >>> one = pa.table({"batch": ["a"], "features": ["d"], "start": [4], "stop": [6]})
    >>> sample(one, 9, seed=1).select(["batch", "start", "stop"]).to_pylist()[1]
    {'batch': 'a', 'start': 5, 'stop': 6}
    """
    start, stop = references["start"].to_numpy(), references["stop"].to_numpy()
    ends = np.cumsum(stop - start)
    count = int(ends[-1]) if len(ends) else 0
    taken = np.arange(count)
    if count > most:
        taken = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
    return _rows(references, taken, ends)


def _rows(references: pa.Table, taken: NDArray[np.int64], ends: NDArray[np.int64]) -> pa.Table:
    part = np.searchsorted(ends, taken, side="right")
    row = references["stop"].to_numpy()[part] - (ends[part] - taken)
    sampled = references.select(["batch", "features"]).take(pa.array(part))
    columns = {"batch": sampled["batch"], "features": sampled["features"]}
    return pa.table({**columns, "start": pa.array(row), "stop": pa.array(row + 1)})
