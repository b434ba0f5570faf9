"""The answer to rows, as a table or as lists of values: each is made from the other when needed.

Belongs here: the form of an answer. Does not belong here: what is in it (`stages/score/answer`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from ml_assets.stages.score.answer import CLASS, PREDICTION, PROBABILITY
from ml_assets.stages.score.lists import Lists

NUMBERS = ("low", "high")


class Answers:
    """The answer to some rows; whoever makes it gives one form."""

    def __init__(self, *, table: pa.Table | None = None, lists: Lists | None = None) -> None:
        self._table, self._lists = table, lists

    @property
    def names(self) -> Sequence[str]:
        """The columns."""
        if self._lists is not None:
            return list(self._lists)
        assert self._table is not None
        return list(self._table.column_names)

    def __len__(self) -> int:
        if self._lists is not None:
            return len(self._lists[PREDICTION])
        return len(self.table)

    @cached_property
    def table(self) -> pa.Table:
        """Return the table."""
        if self._table is not None:
            return self._table
        assert self._lists is not None
        return pa.table({n: pa.array(v, _type(n, v)) for n, v in self._lists.items()})

    def values(self, name: str) -> Sequence[Any]:
        """Return the values of a column."""
        if self._lists is not None:
            return self._lists[name]
        values: list[Any] = self.table[name].to_pylist()
        return values

    def rows(self) -> list[dict[str, Any]]:
        """Return a mapping for each row."""
        if self._lists is None:
            rows: list[dict[str, Any]] = self.table.to_pylist()
            return rows
        names = list(self._lists)
        columns = zip(*self._lists.values(), strict=True)
        return [dict(zip(names, row, strict=True)) for row in columns]

    def without(self, left_out: Collection[str]) -> Answers:
        """Return the answer without some columns."""
        names = [name for name in self.names if name not in left_out]
        if self._lists is not None:
            return Answers(lists={name: self._lists[name] for name in names})
        return Answers(table=self.table.select(names))


def _type(name: str, values: Sequence[Any]) -> pa.DataType:
    if name == CLASS:
        return pa.bool_()
    number = name in NUMBERS or name.startswith(PROBABILITY)
    if number or (name == PREDICTION and isinstance(values[0], float)):
        return pa.float64()
    return pa.string()
