"""Rows of many feature batches as one long sequence, and folds as row ranges of batches.

Belongs here: what all kinds of split share: reading keys, choosing among rows with one key,
turning masks into ranges. Does not belong here: which row is in which fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.counted import counted
from ml_assets.stages.keys import BY_INPUTS, UNKEYED, Ints, Keys, shared
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle

Mask = NDArray[np.bool_]
FOLDS = ("train", "validation", "test")
REFERENCES = pa.schema(
    [("batch", pa.string()), ("features", pa.string()), ("start", pa.int64()), ("stop", pa.int64())]
)


@dataclass(frozen=True)
class Repeats:
    """The k rows whose key occurs in several rows: their numbers, and the key's first and last."""

    rows: Ints
    first: Ints
    last: Ints


@dataclass(frozen=True)
class SplitRows:
    """The n rows of all batches, in calendar order, then source order.

    A key may occur in several batches: the values of its last row count (`latest`), and its home,
    the batch that decides its fold, is the first that holds it.
    """

    batches: tuple[str, ...]
    digests: tuple[str, ...]
    offsets: Ints
    """First row number of each batch, and n."""
    labelled: Mask
    repeats: Repeats
    unkeyed: int
    """Number of rows without a key: each is distinct."""
    equal: int | None
    """Where rows are known by their inputs: how many have the inputs of an earlier row."""
    extra: pa.Table
    """(n,) the further columns requested, or values reduced from them."""

    def __len__(self) -> int:
        return int(self.offsets[-1])

    @property
    def latest(self) -> Mask:
        """(n,) rows whose values count."""
        mask = np.ones(len(self), dtype=bool)
        mask[self.repeats.rows[self.repeats.rows != self.repeats.last]] = False
        return mask

    @property
    def first(self) -> Ints:
        """(n,) row number at which the row's key first occurs."""
        places = np.arange(len(self))
        places[self.repeats.rows] = self.repeats.first
        return places

    def at_last(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return for each row the value (n,) of the last row of its key."""
        moved = values.copy()
        moved[self.repeats.rows] = values[self.repeats.last]
        return moved

    def at_home(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return for each row the value (one per batch) of its home."""
        per_row = np.repeat(values, np.diff(self.offsets))
        per_row[self.repeats.rows] = values[self.homes]
        return per_row

    @property
    def homes(self) -> Ints:
        """(k,) number of the home batch of each repeat."""
        return np.searchsorted(self.offsets, self.repeats.first, side="right") - 1

    @property
    def usable(self) -> Mask:
        """(n,) rows that count and have a label."""
        return self.latest & self.labelled

    @property
    def repeated(self) -> int:
        """Number of keys that occur in more than one row."""
        return int(np.unique(self.repeats.first).size)


def read(
    features: Mapping[str, Handle],
    columns: Sequence[str] = (),
    reduce: Callable[[pa.Table, str], pa.Table] | None = None,
) -> SplitRows:
    """Read keys and labels of feature batches, given in calendar order, one at a time.

    `extra` is the named columns of all batches, or what `reduce` computes from each batch's
    columns and name. Otherwise one byte per row is kept, and the rows whose key occurs in several.
    """
    names = ["_key", "_target", *(name for name in columns if name not in ("_key", "_target"))]
    labelled, extra, ends, unkeyed, by_inputs = [], [], [0], 0, False
    with Keys() as keys:
        for batch, handle in features.items():
            table = handle.table(names)
            ends.append(ends[-1] + len(table))
            keys.add(shared(table["_key"], batch), np.arange(*ends[-2:]))
            unkeyed += int(pc.sum(pc.starts_with(table["_key"], UNKEYED)).as_py() or 0)
            by_inputs = by_inputs or bool(pc.any(pc.starts_with(table["_key"], BY_INPUTS)).as_py())
            labelled.append(table["_target"].is_valid().to_numpy())
            wanted = table.select(list(columns))
            extra.append(wanted if reduce is None else reduce(wanted, batch))
        repeats = repeats_of(keys)
    equal = None
    if by_inputs:
        # Equal inputs share a fold, but none of the rows replaces another.
        equal = len(repeats.rows) - int(np.unique(repeats.first).size)
        repeats = Repeats(*np.zeros((3, 0), np.int64))
    return SplitRows(
        batches=tuple(features),
        digests=tuple(handle.digest for handle in features.values()),
        offsets=np.array(ends),
        labelled=np.concatenate([*labelled, np.zeros(0, dtype=bool)]),
        repeats=repeats,
        unkeyed=unkeyed,
        equal=equal,
        extra=pa.concat_tables(extra) if extra else _none(columns),
    )


def _none(columns: Sequence[str]) -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in columns})


def repeats_of(keys: Keys) -> Repeats:
    """Return the rows whose key occurs in several."""
    parts = [np.zeros((3, 0), np.int64)]
    for rows, sizes in keys.repeated():
        ends = np.cumsum(sizes)
        edges = [np.repeat(rows[place], sizes) for place in (ends - sizes, ends - 1)]
        parts.append(np.stack([rows, *edges]))
    return Repeats(*np.concatenate(parts, axis=1))


def references(rows: SplitRows, mask: Mask) -> pa.Table:
    """Return the ranges (batch, digest of its features, start, stop) of the rows in a mask."""
    parts = [REFERENCES.empty_table()]
    for number, batch in enumerate(rows.batches):
        part = mask[rows.offsets[number] : rows.offsets[number + 1]]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], part, [False]]).astype(np.int8)))
        count = len(edges) // 2
        named = [pa.repeat(text, count) for text in (batch, rows.digests[number])]
        columns = [*named, pa.array(edges[::2]), pa.array(edges[1::2])]
        parts.append(pa.Table.from_arrays(columns, schema=REFERENCES))
    return pa.concat_tables(parts).combine_chunks()


def result(
    rows: SplitRows, folds: Mapping[str, Mask], waiting: str | None, ungrouped: int = 0
) -> Result:
    """Return the three tables of references and the summary; empty folds if the model waits.

    A mask is (n,), True for the rows of a fold; `ungrouped` rows are groups of their own.
    """
    none = np.zeros(len(rows), dtype=bool)
    folds = {name: none if waiting is not None else folds[name] for name in FOLDS}
    tables = {name: references(rows, mask) for name, mask in folds.items()}
    counts = {name: int(mask.sum()) for name, mask in folds.items()}
    usable, superseded = int(rows.usable.sum()), int((~rows.latest).sum())
    counts["unlabelled"] = len(rows) - superseded - usable
    counts["superseded"] = superseded
    counts["out"] = usable - sum(counts[name] for name in FOLDS)
    held = {name: pc.unique(table["batch"]).to_pylist() for name, table in tables.items()}
    folded = sum(counts[name] for name in FOLDS)
    shares = {name: round(counts[name] / folded, 4) for name in FOLDS} if folded else {}
    summary = {
        "waiting": waiting,
        "rows": counts,
        "shares": shares,
        "unkeyed": rows.unkeyed,
        "batches": held,
    }
    if rows.equal is not None:
        summary["equal_inputs"] = rows.equal
    if ungrouped:
        summary["ungrouped"] = ungrouped
    return Result({**tables, "summary": summary}, {"rows": counts})


def duplicates(rows: SplitRows, on_duplicate_key: str) -> str | None:
    """Return why a model with `on_duplicate_key: error` waits; never the keys themselves."""
    if on_duplicate_key != "error" or not rows.repeated:
        return None
    names = [rows.batches[number] for number in np.unique(rows.homes).tolist()]
    return (
        f"{counted(rows.repeated, 'row key occurs', 'row keys occur')} in more than one batch "
        f"(first in {', '.join(names)}), and on_duplicate_key is error"
    )
