"""Rows of features for which a joined dataset gave nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def missing(table: pa.Table, names: Sequence[str]) -> int:
    """Return the rows in which every feature of a join is missing; `names` are its features."""
    there = [table[name].is_valid().to_numpy() for name in names]
    return int((~np.logical_or.reduce(there)).sum())
