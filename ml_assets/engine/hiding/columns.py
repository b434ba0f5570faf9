"""Which columns of a file become pseudonyms, which stay, and which nobody knows.

What the contract does not know may hold anything: its values become a mask, so that a file with one
more column, or a misspelled one, leaves none of its values behind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.pseudonyms import pseudonymised
from ml_assets.stages.ingest.columns import expected, named
from ml_assets.stages.ingest.convert import convert
from ml_assets.stages.ingest.sniff import REPLACED
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.schema import DUMMY
from ml_assets.stages.shown import MASK
from ml_assets.store.pseudonyms import Pseudonyms

NUL, UNDECODABLE = "\0", REPLACED.decode()
UNREADABLE = MASK.encode() + b"\xff"
"""A value that is no text either."""


@dataclass(frozen=True)
class Hiding:
    """What becomes of the columns of a dataset's files."""

    spec: DatasetSpec
    hidden: Mapping[str, Collection[str]]
    """Column of the file -> texts that mean a missing value, which stay."""
    kept: frozenset[str]
    key: Pseudonyms

    @classmethod
    def of(
        cls, spec: DatasetSpec, key: Pseudonyms, done: Collection[str] = (), asked: bool = False
    ) -> Hiding:
        """Return what becomes of a dataset's files; columns that are `done` are pseudonyms already.

        With `asked`, the dataset is of requests, all of whose sensitive columns are pseudonyms.
        """
        own = spec.landing.null_values
        columns = pseudonymised(spec.columns)
        if asked:
            columns = {n: c for n, c in spec.columns.items() if c.sensitive}
        hidden = {
            named(name, column)[0]: {
                text.strip() for text in (own if column.null_values is None else column.null_values)
            }
            for name, column in columns.items()
        }
        left = {name: nulls for name, nulls in hidden.items() if name not in done}
        kept = {*expected(spec.columns), DUMMY} - set(left)
        return cls(spec, left, frozenset(kept), key)

    def check(self, names: Sequence[str]) -> None:
        """Raise Unreadable unless a file has every column that is to be hidden, once."""
        lost = [name for name in self.hidden if names.count(name) != 1]
        if lost:
            twice = [name for name in lost if names.count(name) > 1]
            said = f"the column {', '.join(twice or lost)} is " + (
                "there twice" if twice else "not there"
            )
            raise Unreadable(
                "columns",
                f"{said}, of which only pseudonyms may be stored (sensitive: {{keep: hmac}}): "
                "its values may be under another name; correct the header, or the contract's "
                "`source`",
            )

    def value(self, name: str, text: str, marks: Sequence[str] = ()) -> str:
        """Return what a value of a hidden column becomes.

        One with any of the `marks`, for which ingest sets a record aside, still has it.
        """
        if text.strip() in self.hidden[name]:
            return text
        for mark in marks:
            if mark in text:
                return MASK + mark
        return self.key.of(text.strip())

    def column(self, name: str, array: pa.Array, marks: Sequence[str] = ()) -> pa.Array:
        """Return what a column of a file becomes: as it is, pseudonyms, or masks."""
        if name in self.kept:
            return array
        if name not in self.hidden:
            return self._masked(array)
        texts, bad = convert(array, "text")
        made = each(texts, lambda text: self.value(name, text, marks))
        if not pc.any(bad).as_py():
            return made
        # Values that are no texts, which ingest is to say.
        return pc.if_else(bad, UNREADABLE, made.cast(pa.binary()))

    def table(self, table: pa.Table) -> pa.Table:
        """Return the rows of a table without clear values."""
        columns = [
            self.column(name, column.combine_chunks())
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
        return pa.table(columns, names=table.column_names)

    def _masked(self, array: pa.Array) -> pa.Array:
        if pa.types.is_null(array.type):
            return array
        if not pa.types.is_string(array.type):
            return pc.if_else(pc.is_valid(array), MASK, pa.scalar(None, pa.string()))
        nulls = {text.strip() for text in self.spec.landing.null_values} | {""}
        return each(array, lambda text: text if text.strip() in nulls else MASK)


def each(texts: pa.Array, becomes: Callable[[str], str]) -> pa.Array:
    """Return a column of texts in which each distinct one was replaced."""
    encoded = texts.dictionary_encode()
    values = [becomes(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.string()).take(encoded.indices)
