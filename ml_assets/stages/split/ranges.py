"""Rows of many feature batches as one long sequence, and folds as row ranges of batches.

Belongs here: what every kind of split shares: reading keys, deciding which of several rows with
one key counts, turning masks into ranges. Does not belong here: which row is in which fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.keys import BUCKET, Hashes, hashed, joined, same
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle

Numbers = NDArray[np.signedinteger[Any]]
"""Row or batch numbers: 32 bits where they fit."""
Mask = NDArray[np.bool_]
FOLDS = ("train", "validation", "test")
REFERENCES = pa.schema(
    [("batch", pa.string()), ("features", pa.string()), ("start", pa.int64()), ("stop", pa.int64())]
)


@dataclass(frozen=True)
class Rows:
    """The n rows of all batches, in calendar order, then source order.

    A key may stand in several batches: the values of its last row count (`latest`), and `home`,
    the batch that decides its fold, is the first that holds it.
    """

    batches: tuple[str, ...]
    digests: tuple[str, ...]
    offsets: NDArray[np.int64]
    """Row number at which each batch starts, and n."""
    labelled: Mask
    home: Numbers
    """(n,) number of the batch that first holds the row's key."""
    first: Numbers
    """(n,) row number at which the row's key first stands."""
    last: Numbers
    """(n,) row number at which the row's key last stands."""
    extra: pa.Table
    """(n,) the further columns that were asked for, or what was made of them."""

    @property
    def latest(self) -> Mask:
        """(n,) rows whose values count."""
        return np.asarray(self.last == np.arange(len(self.last)))

    @property
    def usable(self) -> Mask:
        """(n,) rows that count and have a label."""
        return self.latest & self.labelled

    @property
    def repeated(self) -> int:
        """Number of keys that stand in more than one row."""
        return int(np.unique(self.first[~self.latest]).size)


def read(
    features: Mapping[str, Handle],
    columns: Sequence[str] = (),
    reduce: Callable[[pa.Table], pa.Table] | None = None,
) -> Rows:
    """Read keys and labels of feature batches, given in calendar order, one at a time.

    `extra` is the named columns of all batches, or what `reduce` makes of those of each. Of a
    key its hash is held (16 bytes a row), and 10 bytes a row of the rest.
    """
    names = ["_key", "_target", *(name for name in columns if name not in ("_key", "_target"))]
    hashes, labelled, extra = [], [], []
    for batch, handle in features.items():
        table = handle.table(names)
        hashes.append(hashed(table["_key"], batch))
        labelled.append(table["_target"].is_valid().to_numpy())
        wanted = table.select(list(columns))
        extra.append(wanted if reduce is None else reduce(wanted))
    lengths = np.array([len(part) for part in labelled], dtype=np.int64)
    first, last = occurrences(joined(hashes))
    home = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)[first]
    return Rows(
        batches=tuple(features),
        digests=tuple(handle.digest for handle in features.values()),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        labelled=np.concatenate([*labelled, np.zeros(0, dtype=bool)]),
        home=home,
        first=first,
        last=last,
        extra=pa.concat_tables(extra) if extra else _none(columns),
    )


def _none(columns: Sequence[str]) -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in columns})


def occurrences(hashes: Hashes, bucket: int = BUCKET) -> tuple[Numbers, Numbers]:
    """Return, for each of n rows, the rows at which its key first and last stands: (n,) each."""
    kind = np.dtype(np.int32 if len(hashes) < 2**31 else np.int64)
    first = np.arange(len(hashes), dtype=kind)
    last = first.copy()
    for rows, starts in same(hashes, bucket):
        sizes = np.diff(np.append(starts, len(rows)))
        first[rows] = np.repeat(rows[starts], sizes)
        last[rows] = np.repeat(rows[starts + sizes - 1], sizes)
    return first, last


def references(rows: Rows, mask: Mask) -> pa.Table:
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


def result(rows: Rows, folds: Mapping[str, Mask], waiting: str | None) -> Result:
    """Return the three tables of references and the summary; empty folds where it waits.

    A mask is (n,), True for the rows of a fold.
    """
    none = np.zeros(len(rows.last), dtype=bool)
    folds = {name: none if waiting is not None else folds[name] for name in FOLDS}
    tables = {name: references(rows, mask) for name, mask in folds.items()}
    counts = {name: int(mask.sum()) for name, mask in folds.items()}
    usable, superseded = int(rows.usable.sum()), int((~rows.latest).sum())
    counts["unlabelled"] = len(rows.last) - superseded - usable
    counts["superseded"] = superseded
    counts["out"] = usable - sum(counts[name] for name in FOLDS)
    held = {name: pc.unique(table["batch"]).to_pylist() for name, table in tables.items()}
    summary = {"waiting": waiting, "rows": counts, "batches": held}
    return Result({**tables, "summary": summary}, {"rows": counts})


def duplicates(rows: Rows, on_duplicate_key: str) -> str | None:
    """Return why a model waits that does not accept keys in several batches; never the keys."""
    if on_duplicate_key != "error" or not rows.repeated:
        return None
    found = {rows.batches[number] for number in np.unique(rows.home[~rows.latest]).tolist()}
    return (
        f"{rows.repeated} row keys stand in more than one batch (first in "
        f"{', '.join(sorted(found))}), and on_duplicate_key is error"
    )
