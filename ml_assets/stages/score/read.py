"""Rows to score against the contract: those that keep it, and what is wrong with each other.

Belongs here: the steps of ingest and cleaning, row by row. Does not belong here: formats
(`ingest`), rules of a batch (budget, volume, uniqueness of keys).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages import cleaning
from ml_assets.stages.clean import filtered, judge
from ml_assets.stages.frames import to_frame
from ml_assets.stages.ingest.columns import named
from ml_assets.stages.ingest.fields import fields
from ml_assets.stages.ingest.records import rejects, typed
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.ingest.spelling import read as read_column
from ml_assets.stages.schema import LINE, arrow_type

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import Filter
    from ml_assets.spec.score import RowsSpec


Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Read:
    """Rows that were read, in the order in which they came."""

    lines: pa.Array
    """Where each row stands: the line of a text, or its number from 1."""
    table: pa.Table
    """The rows that keep the contract; `_line` is the number of a row, from 0."""
    problems: Mapping[int, str]
    """By the number of each other row: the rule that it breaks first, and the reason."""

    @property
    def numbers(self) -> Ints:
        """(n,) the numbers of the rows in the table."""
        return np.asarray(self.table[LINE].to_numpy(), dtype=np.int64)

    def without(self, places: Ints, why: Sequence[str]) -> Read:
        """Return the rows without those at some places (n,) of the table, and why (n)."""
        gone = dict(zip(self.numbers[places].tolist(), why, strict=True))
        kept = np.setdiff1d(np.arange(len(self.table)), places)
        return Read(self.lines, self.table.take(pa.array(kept)), {**self.problems, **gone})


def read(spec: RowsSpec, source: Source) -> Read:
    """Return the rows of a source; Unreadable if it lacks a column or has one twice."""
    lines, source = numbered(source)
    columns = spec.contract.columns
    given = fields(source, spec.landing, columns)
    table, failed, _ = typed(source, given, columns)
    problems = {
        item.line: f"{item.rule}: {item.reason}" for item in rejects(source, given, failed, columns)
    }
    table = cleaning.apply(spec.cleaning, table)
    frame = to_frame(table)
    numbers = table[LINE].to_numpy()
    left_out = filtered(spec.filters, frame)
    said = {item.id: _filter(item) for item in spec.filters}
    problems |= {
        int(numbers[row]): said[name] for row, name in enumerate(left_out) if name is not None
    }
    kept = np.flatnonzero(np.array([name is None for name in left_out], dtype=np.bool_))
    rest = table.take(pa.array(kept))
    verdicts = judge(spec.contract, rest, frame.take(kept).reset_index(drop=True))
    problems |= {
        int(numbers[kept[row]]): f"{rule}: {reason}"
        for row, (rule, _, reason) in verdicts.bad.items()
    }
    good = np.setdiff1d(np.arange(len(kept)), np.array(list(verdicts.bad), dtype=np.int64))
    return Read(lines, _with(spec.optional, source, spec, rest.take(pa.array(good))), problems)


def numbered(source: Source) -> tuple[pa.Array, Source]:
    """Return the line of each record, and the source with the number of each as its line."""
    whole, broken = source.lines.to_numpy(), [item.line for item in source.broken]
    lines = np.concatenate([whole, np.array(broken, dtype=np.int64)])
    rank = np.empty(len(lines), dtype=np.int64)
    order = np.argsort(lines, kind="stable")
    rank[order] = np.arange(len(lines))
    places = rank[len(whole) :].tolist()
    numbered = replace(
        source,
        lines=pa.array(rank[: len(whole)]),
        broken=[replace(b, line=place) for b, place in zip(source.broken, places, strict=True)],
        # The text of a record is of no use in an answer.
        text=None,
    )
    return pa.array(lines[order]), numbered


def _with(
    optional: Mapping[str, Column], source: Source, spec: RowsSpec, table: pa.Table
) -> pa.Table:
    """Return the table with the optional columns, whose wrong values are missing."""
    there = {
        name: column
        for name, column in optional.items()
        if all(source.names.count(part) == 1 for part in named(name, column))
    }
    at = np.searchsorted(source.lines.to_numpy(), table[LINE].to_numpy())
    given = fields(source, spec.landing, there)
    for name, column in optional.items():
        if name in given:
            values = read_column(*given[name]).values.take(pa.array(at))
        else:
            values = pa.nulls(len(table), arrow_type(column))
        table = table.append_column(name, values)
    return table


def _filter(item: Filter) -> str:
    return f"filter {item.id}: {item.reason}"
