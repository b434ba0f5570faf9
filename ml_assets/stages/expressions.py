"""Expressions over columns, in three-valued logic: a comparison with a missing value is unknown.

Belongs here: evaluating one expression. Does not belong here: what follows from the answer.
"""

from __future__ import annotations

import ast
from typing import Any

import pandas as pd

from ml_assets.faults import StageError


class Operand(pd.Series):  # type: ignore[misc, unused-ignore]
    """A column whose comparisons are unknown (NA) where a side is missing.

    Plain pandas says false for NaN and NaT, true for `!=`, and NA for its masked types; a
    rule must not depend on which of these holds a column.
    """

    @property
    def _constructor(self) -> type[Operand]:
        return Operand

    def __eq__(self, other: object) -> Any:
        return _known(super().__eq__(other), self, other)

    def __ne__(self, other: object) -> Any:
        return _known(super().__ne__(other), self, other)

    def __lt__(self, other: object) -> Any:
        return _known(super().__lt__(other), self, other)  # type: ignore[operator, unused-ignore]

    def __le__(self, other: object) -> Any:
        return _known(super().__le__(other), self, other)  # type: ignore[operator, unused-ignore]

    def __gt__(self, other: object) -> Any:
        return _known(super().__gt__(other), self, other)  # type: ignore[operator, unused-ignore]

    def __ge__(self, other: object) -> Any:
        return _known(super().__ge__(other), self, other)  # type: ignore[operator, unused-ignore]

    __hash__ = None

    def isin(self, values: Any) -> Any:
        """Tell which values are in a set; `==` with a text arrives here too."""
        return _known(super().isin(values), self, None)


def _known(result: pd.Series, *sides: object) -> Operand:
    answer = pd.Series(result, dtype="boolean")
    for side in sides:
        if isinstance(side, pd.Series):
            answer = answer.mask(pd.Series(side).isna())
    return Operand(answer)


def truth(expression: str, frame: pd.DataFrame, where: str) -> pd.Series:
    """Return what an expression says of each row: true, false or NA (dtype boolean).

    `a > 2 & b.isna()` binds as pandas does. Raises StageError naming `where` (a rule or a
    filter) if it cannot be evaluated on columns of these types, or gives no truth values.
    """
    tree = ast.parse(expression, mode="eval")
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    columns = {name: _operand(frame[name]) for name in frame.columns if name in read}
    try:
        result = pd.eval(
            expression, engine="python", local_dict={}, global_dict={}, resolvers=[columns]
        )
    except Exception as error:
        raise StageError(
            f"{where}: {expression!r} cannot be evaluated: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(result, pd.Series) or not pd.api.types.is_bool_dtype(result.dtype):
        raise StageError(f"{where}: {expression!r} is not true or false for each row")
    return pd.Series(result).astype("boolean")


def _operand(column: pd.Series) -> Operand:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("string[pyarrow]")
    return Operand(column)
