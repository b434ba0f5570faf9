"""Rows of many feature batches as one long sequence, and folds as row ranges of batches.

Belongs here: what every kind of split shares: reading keys, deciding which of several rows with
one key counts, turning masks into ranges. Does not belong here: which row is in which fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle

Ints = NDArray[np.int64]
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
    offsets: Ints
    """Row number at which each batch starts, and n."""
    labelled: Mask
    home: Ints
    """(n,) number of the batch that first holds the row's key."""
    first: Ints
    """(n,) row number at which the row's key first stands."""
    last: Ints
    """(n,) row number at which the row's key last stands."""
    extra: pa.Table
    """(n,) the further columns that were asked for."""

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


def read(features: Mapping[str, Handle], extra: Sequence[str] = ()) -> Rows:
    """Read keys and labels of feature batches, given in calendar order."""
    names = ["_key", "_target", *(name for name in extra if name not in ("_key", "_target"))]
    tables = [handle.table(names) for handle in features.values()]
    lengths = [len(table) for table in tables]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    batch = np.repeat(np.arange(len(tables), dtype=np.int64), lengths)
    if not tables:
        whole = pa.table({name: pa.array([], pa.string()) for name in names})
    else:
        whole = pa.concat_tables(tables)
    first, last = occurrences(key_codes(whole["_key"]))
    return Rows(
        batches=tuple(features),
        digests=tuple(handle.digest for handle in features.values()),
        offsets=offsets,
        labelled=whole["_target"].is_valid().to_numpy(),
        home=batch[first],
        first=first,
        last=last,
        extra=whole.select(list(extra)),
    )


def key_codes(keys: pa.ChunkedArray) -> Ints:
    r"""Return a number for each key, equal where the keys are.

    Keys of a dataset without key columns (`\L<line>`) name a row in its batch only: each gets
    a number of its own.
    """
    encoded = keys.combine_chunks().dictionary_encode()
    codes: Ints = encoded.indices.to_numpy().astype(np.int64)
    own = pc.starts_with(encoded.dictionary, "\\L").to_numpy(zero_copy_only=False)
    if own.any():
        alone = own[codes]
        codes[alone] = len(own) + np.arange(int(alone.sum()))
    return codes


def occurrences(codes: Ints) -> tuple[Ints, Ints]:
    """Return, for each of n rows, the rows at which its code first and last stands."""
    rows = np.arange(len(codes), dtype=np.int64)
    size = int(codes.max()) + 1 if len(codes) else 0
    first, last = np.zeros(size, np.int64), np.zeros(size, np.int64)
    # Of several assignments to one place numpy keeps the last.
    first[codes[::-1]] = rows[::-1]
    last[codes] = rows
    return first[codes], last[codes]


def references(rows: Rows, mask: Mask) -> pa.Table:
    """Return the ranges (batch, digest of its features, start, stop) of the rows in a mask."""
    columns: dict[str, list[Any]] = {name: [] for name in REFERENCES.names}
    for number, batch in enumerate(rows.batches):
        part = mask[rows.offsets[number] : rows.offsets[number + 1]]
        edges = np.flatnonzero(np.diff(np.concatenate([[False], part, [False]]).astype(np.int8)))
        columns["start"] += edges[::2].tolist()
        columns["stop"] += edges[1::2].tolist()
        columns["batch"] += [batch] * (len(edges) // 2)
        columns["features"] += [rows.digests[number]] * (len(edges) // 2)
    return pa.table(columns, schema=REFERENCES)


def result(rows: Rows, folds: Mapping[str, Mask], waiting: str | None) -> Result:
    """Return the three tables of references and the summary; empty folds where it waits."""
    none = np.zeros(len(rows.last), dtype=bool)
    folds = {name: none if waiting is not None else folds[name] for name in FOLDS}
    tables = {name: references(rows, mask) for name, mask in folds.items()}
    counts = {name: int(mask.sum()) for name, mask in folds.items()}
    usable, superseded = int(rows.usable.sum()), int((~rows.latest).sum())
    counts["unlabelled"] = len(rows.last) - superseded - usable
    counts["superseded"] = superseded
    counts["out"] = usable - sum(counts[name] for name in FOLDS)
    held = {name: list(dict.fromkeys(table["batch"].to_pylist())) for name, table in tables.items()}
    summary = {"waiting": waiting, "rows": counts, "batches": held}
    return Result({**tables, "summary": summary}, {"rows": counts})


def duplicates(rows: Rows, on_duplicate_key: str) -> str | None:
    """Return why a model waits that does not accept keys in several batches; never the keys."""
    if on_duplicate_key != "error" or not rows.repeated:
        return None
    found = {rows.batches[number] for number in rows.home[~rows.latest].tolist()}
    return (
        f"{rows.repeated} row keys stand in more than one batch (first in "
        f"{', '.join(sorted(found))}), and on_duplicate_key is error"
    )
