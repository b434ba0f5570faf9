"""A site's rows as the matrix that its learner reads, by the agreed plan.

Belongs here: the same numbers at every site. Does not belong here: learning, what leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Plan = Mapping[str, Any]


def inputs(plan: Plan) -> list[dict[str, Any]]:
    """Return what each column of the matrix is.

    Of a number its cuts; of a category one of its `values`, or with `means` a number for each.
    """
    found: list[dict[str, Any]] = []
    for column in plan["columns"]:
        if "values" in column and "means" not in column:
            found += [{"column": column["column"], "value": value} for value in column["values"]]
        else:
            found.append(column)
    return found


def widths(plan: Plan) -> list[int]:
    """Return how many cuts each column of the matrix has; one that is 0 or 1 has one."""
    return [len(about.get("cuts", (0.5,))) for about in inputs(plan)]


class Site:
    """The rows of a site's folder, as the plan has them."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._rows = np.load(folder / "rows.npz", allow_pickle=False)
        self._plan = plan

    def target(self, fold: str) -> Array:
        """Return the target (n,) of a fold."""
        return np.asarray(self._rows[f"{fold}/target"], dtype=np.float64)

    def values(self, fold: str) -> Array:
        """Return the matrix (n, width) of numbers; NaN is missing."""
        return np.column_stack([self._column(fold, about) for about in inputs(self._plan)])

    def bins(self, fold: str) -> NDArray[np.float32]:
        """Return the matrix (n, width) in which each number is how many of its cuts lie below it.

        A tree that splits these says nothing of a number but between which agreed cuts it lies.
        """
        columns = []
        for about in inputs(self._plan):
            column = self._column(fold, about)
            if "cuts" in about:
                missing = np.isnan(column)
                column = np.searchsorted(about["cuts"], column, side="left").astype(np.float64)
                column[missing] = np.nan
            columns.append(column.astype(np.float32))
        return np.column_stack(columns)

    def _column(self, fold: str, about: Mapping[str, Any]) -> Array:
        values = self._rows[f"{fold}/{about['column']}"]
        if "value" not in about and "means" not in about:
            return np.asarray(values, dtype=np.float64)
        names = self._rows[f"{fold}/{about['column']}/values"].tolist()
        if "means" in about:
            known = dict(zip(about["values"], about["means"], strict=True))
            table = [known.get(name, about["other"]) for name in names] + [about["other"]]
        else:
            table = [float(name == about["value"]) for name in names] + [0.0]
        # The code of a missing value is -1: the last one.
        return np.array(table)[values]
