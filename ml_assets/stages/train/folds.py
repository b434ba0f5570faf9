"""Row ranges of batches to the arrays that a family learns from, one batch at a time.

Belongs here: reading references, target and weight. Does not belong here: which rows are
referenced (`split`), encoding (`encode`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.train import encode
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.model import FitSpec
    from ml_assets.stages.result import Handle


@dataclass(frozen=True)
class Context:
    """What a family may know besides its rows; `columns` (name to type) is sorted by name."""

    task: str
    metric: str
    columns: Mapping[str, str]
    categories: Mapping[str, Sequence[str]]
    classes: Sequence[str]
    threads: int
    seed: int


@dataclass
class Fold:
    """Encoded features (n rows), target (n,), weight (n,) or None; rows in calendar order."""

    features: pa.Table
    target: Array
    weight: Array | None = None

    def free(self) -> None:
        """Drop the features, once a family has its own copy; target and weight stay."""
        self.features = self.features.schema.empty_table()
        # Arrow keeps what is freed for itself, as long as it is not asked.
        pa.default_memory_pool().release_unused()


def read(
    references: pa.Table, features: Mapping[str, Handle], columns: Sequence[str]
) -> Iterator[tuple[str, pa.Table]]:
    """Yield (batch, its referenced rows), one batch in memory at a time."""
    rows = references.select(["batch", "start", "stop"]).to_pylist()
    for batch, group in groupby(rows, key=lambda row: row["batch"]):
        spans = np.array([(row["start"], row["stop"]) for row in group], dtype=np.int64)
        table = features[batch].table(columns)
        if len(spans) == 1:
            yield batch, table.slice(spans[0, 0], spans[0, 1] - spans[0, 0])
        else:
            yield batch, table.take(pa.array(_indices(spans)))


def load(
    spec: FitSpec, references: Sequence[pa.Table], features: Mapping[str, Handle]
) -> tuple[list[Fold], Context, list[str]]:
    """Return a Fold for each table of references, the context, and notes for people.

    Categories and classes come from the first fold alone. Encoded rows are all that is held of
    every batch at once: a family of ours gets them in the smallest types that hold each value.
    """
    # Sorted: the order of a document's keys does not survive every store.
    columns = {name: spec.columns[name].type for name in sorted(spec.columns)}
    known, classes = _survey(spec.task, references[0], features, columns)
    own = spec.family.family == "custom"
    extra = ["_target", "_weight"] if spec.weighted else ["_target"]
    notes: list[str] = []
    folds = []
    for item in references:
        targets, weights, parts = [], [], []
        for _, table in read(item, features, [*columns, *extra]):
            targets.append(labels(table, classes))
            part = encode.encode(table, columns, known)
            parts.append(part if own else encode.narrow(part))
            if spec.weighted:
                weights.append(encode.values(table, "_weight"))
        weight = _weight(np.concatenate(weights), notes) if spec.weighted else None
        folds.append(Fold(encode.united(parts), np.concatenate(targets), weight))
    context = Context(spec.task, spec.metric, columns, known, classes, spec.threads, spec.seed)
    return folds, context, notes


def _survey(
    task: str,
    references: pa.Table,
    features: Mapping[str, Handle],
    columns: Mapping[str, str],
) -> tuple[dict[str, list[str]], list[str]]:
    """Return categories and classes of a fold.

    A pass of its own: all batches of raw features at once would fill the memory.
    """
    target = ["_target"] if task == "multiclass" else []
    sets = [name for name, kind in columns.items() if kind == "category"] + target
    found: dict[str, set[str]] = {name: set() for name in sets}
    for _, table in read(references, features, sets) if sets else ():
        for name in sets:
            found[name] |= encode.used(table[name])
    known = {name: sorted(values) for name, values in found.items()}
    classes = known.pop("_target", [])
    return known, classes


def merged(references: Sequence[pa.Table], features: Mapping[str, Handle]) -> pa.Table:
    """Return one table of references in calendar order, which is the order of `features`."""
    order = {batch: number for number, batch in enumerate(features)}
    table = pa.concat_tables(references)
    place = [order[batch] for batch in table["batch"].to_pylist()]
    return table.take(pa.array(np.lexsort((table["start"].to_numpy(), np.array(place, np.int64)))))


def labels(table: pa.Table, classes: Sequence[str]) -> Array:
    """Return the target (n,) as families see it: float64, or -1 or an index into `classes`."""
    target = table["_target"]
    if classes:
        place = pc.index_in(target.cast(pa.string()), value_set=pa.array(classes, pa.string()))
        target = place.fill_null(-1)
    return np.asarray(target.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _indices(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return every row number of half-open ranges, in their order."""
    lengths = spans[:, 1] - spans[:, 0]
    shifts = spans[:, 0] - (np.cumsum(lengths) - lengths)
    return np.asarray(np.arange(lengths.sum()) + np.repeat(shifts, lengths), dtype=np.int64)


def _weight(weight: Array, notes: list[str]) -> Array | None:
    bad = ~(np.isfinite(weight) & (weight >= 0))
    if bad.any():
        notes.append(f"{int(bad.sum())} rows have no usable weight and count as 0")
        weight[bad] = 0.0
    if not weight.any():
        notes.append("all weights are 0; rows are weighed alike")
        return None
    return weight
