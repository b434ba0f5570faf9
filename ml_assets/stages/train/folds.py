"""From row ranges of batches to the inputs of a family, one batch at a time.

Belongs here: reading references, target and weight. Does not belong here: which rows are
referenced (`split`), encoding (`encode`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.counted import counted
from ml_assets.stages.train import encode, prepare
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.prepare import Prepare

if TYPE_CHECKING:
    from ml_assets.spec.model import FitSpec
    from ml_assets.stages.result import Handle


MOST = 10_000
"""Known values of a category."""


@dataclass(frozen=True)
class Context:
    """A family's inputs besides its rows; `columns` (name to type) is sorted by name."""

    task: str
    metric: str
    columns: Mapping[str, str]
    categories: Mapping[str, Sequence[str]]
    classes: Sequence[str]
    threads: int
    seed: int
    prepare: Prepare = field(default_factory=dict)
    """Which of the columns are parts of a date, a time or a text."""


@dataclass(frozen=True)
class Part:
    """The rows of one batch that are referenced; `spans` (k, 2) are half-open ranges."""

    batch: str
    features: Handle
    spans: NDArray[np.int64]

    def __len__(self) -> int:
        return int((self.spans[:, 1] - self.spans[:, 0]).sum())

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Read some columns of the rows."""
        table = self.features.table(columns)
        if len(self.spans) == 1:
            start, stop = self.spans[0]
            return table.slice(start, stop - start)
        return table.take(pa.array(_indices(self.spans)))

    def where(self, kept: NDArray[np.bool_]) -> Part:
        """Return those rows of which `kept` (n,) is true."""
        rows = _indices(self.spans)[kept]
        first, last = np.diff(rows, prepend=-2) != 1, np.diff(rows, append=-2) != 1
        spans = np.column_stack([rows[first], rows[last] + 1])
        return Part(self.batch, self.features, spans)


@dataclass(frozen=True)
class Fold:
    """Target (n,), weight (n,) or None, and features (n rows), read by batch.

    Rows are in calendar order.
    """

    target: Array
    weight: Array | None
    parts: Sequence[Part]
    columns: Mapping[str, str]
    categories: Mapping[str, Sequence[str]]
    prepare: Prepare = field(default_factory=dict)

    @cached_property
    def features(self) -> pa.Table:
        """All rows encoded, in one table that is cached with the fold."""
        return pa.concat_tables(self.batches())

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield the encoded rows of each batch, or some columns of them."""
        return (self.batch(place, columns) for place in range(len(self.parts)))

    def batch(self, place: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Read and encode the rows of one batch, or some columns of them."""
        names = self.columns if columns is None else columns
        kinds = {name: self.columns[name] for name in names}
        features = list(dict.fromkeys(prepare.owners(kinds, self.prepare).values()))
        table = prepare.applied(self.parts[place].table(features), kinds, self.prepare)
        return encode.encode(table, kinds, self.categories)

    def take(self, rows: NDArray[np.int64]) -> pa.Table:
        """Return some rows encoded, by number (k,), in that order."""
        order = np.argsort(rows, kind="stable")
        cuts = self._cuts()
        asked = np.split(rows[order], np.searchsorted(rows[order], cuts))
        table = pa.concat_tables(
            self.batch(place).take(pa.array(wanted - start))
            for place, (wanted, start) in enumerate(zip(asked, [0, *cuts], strict=True))
            if len(wanted) or place == 0
        )
        return table.take(pa.array(np.argsort(order)))

    def where(self, kept: NDArray[np.bool_]) -> Fold:
        """Return the fold of those rows of which `kept` (n,) is true."""
        if kept.all():
            return self
        masks = np.split(kept, self._cuts())
        parts = [part.where(mask) for part, mask in zip(self.parts, masks, strict=True)]
        weight = None if self.weight is None else self.weight[kept]
        return replace(self, target=self.target[kept], weight=weight, parts=parts)

    def _cuts(self) -> NDArray[np.int64]:
        """Return the number of the first row of each batch but the first."""
        return np.cumsum([len(part) for part in self.parts[:-1]], dtype=np.int64)


def refer(references: pa.Table, features: Mapping[str, Handle]) -> list[Part]:
    """Return what is referenced of each batch."""
    spans = np.column_stack([references["start"].to_numpy(), references["stop"].to_numpy()])
    batches = references["batch"].combine_chunks().dictionary_encode()
    codes = batches.indices.to_numpy()
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    names = batches.dictionary.take(pa.array(codes[starts])).to_pylist()
    parts = np.split(spans, starts)[1:]
    return [Part(name, features[name], part) for name, part in zip(names, parts, strict=True)]


def read(
    references: pa.Table, features: Mapping[str, Handle], columns: Sequence[str]
) -> Iterator[tuple[str, pa.Table]]:
    """Yield (batch, its referenced rows), one batch in memory at a time."""
    for part in refer(references, features):
        yield part.batch, part.table(columns)


def load(
    spec: FitSpec, references: Sequence[pa.Table], features: Mapping[str, Handle]
) -> tuple[list[Fold], Context, list[str]]:
    """Return a Fold for each table of references, the context, and notes for people.

    Categories and classes come from the first fold alone.
    """
    # Sorted: not every store keeps the order of a document's keys.
    columns = {name: spec.columns[name].kind for name in sorted(spec.columns)}
    first = refer(references[0], features)
    notes: list[str] = []
    known, classes = _survey(spec.task, first, columns, notes)
    rows, odd = sum(len(part) for part in first), prepare.odd(columns)
    prepared = prepare.learn((part.table(odd) for part in first), rows, columns)
    columns = prepare.taken(columns, prepared)
    folds = []
    for item in references:
        parts = first if item is references[0] else refer(item, features)
        targets, weights = [], []
        for part in parts:
            table = part.table(["_target", "_weight"] if spec.weighted else ["_target"])
            targets.append(labels(table, classes))
            if spec.weighted:
                weights.append(encode.values(table, "_weight"))
        weight = _weight(np.concatenate(weights), notes) if spec.weighted else None
        folds.append(Fold(np.concatenate(targets), weight, parts, columns, known, prepared))
    context = Context(
        spec.task, spec.metric, columns, known, classes, spec.threads, spec.seed, prepared
    )
    return folds, context, notes


def _survey(
    task: str, parts: Sequence[Part], columns: Mapping[str, str], notes: list[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return categories and classes of a fold's rows.

    Of a category with more than `MOST` values the rarest are not known, which is noted.
    """
    target = ["_target"] if task == "multiclass" else []
    sets = [name for name, kind in columns.items() if kind == "category"] + target
    levels: dict[str, set[str]] = {name: set() for name in sets}
    for part in parts if sets else ():
        table = part.table(sets)
        for name in sets:
            levels[name] |= encode.used(table[name])
    classes = sorted(levels.pop("_target", ()))
    for name, values in levels.items():
        if len(values) > MOST:
            notes.append(
                f"{name} has {len(values):,} values in training: the {MOST:,} most frequent are "
                "known, the others count as missing"
            )
            levels[name] = _frequent(parts, name)
    return {name: sorted(values) for name, values in levels.items()}, classes


def _frequent(parts: Sequence[Part], name: str) -> set[str]:
    """Return the most frequent values of a category; among equals the first by name."""
    counts: Counter[str] = Counter()
    for part in parts:
        column = part.table([name])[name].drop_null().cast(pa.string())
        counts.update(
            {item["values"]: item["counts"] for item in pc.value_counts(column).to_pylist()}
        )
    return set(sorted(counts, key=lambda value: (-counts[value], value))[:MOST])


def merged(references: Sequence[pa.Table], features: Mapping[str, Handle]) -> pa.Table:
    """Return one table of references in calendar order, which is the order of `features`."""
    table = pa.concat_tables(references)
    place = pc.index_in(table["batch"], value_set=pa.array(list(features), pa.string())).to_numpy()
    return table.take(pa.array(np.lexsort((table["start"].to_numpy(), place))))


def labels(table: pa.Table, classes: Sequence[str]) -> Array:
    """Return the target (n,) for families: float64, or an index into `classes` or -1."""
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
        many = int(bad.sum())
        count = "counts" if many == 1 else "count"
        notes.append(f"{counted(many, 'row has', 'rows have')} no usable weight and {count} as 0")
        weight[bad] = 0.0
    if not weight.any():
        notes.append("all weights are 0; rows are weighted equally")
        return None
    return weight
