"""Recounts, from the references and keys themselves, that no row key is in two folds.

Belongs here: this check. Does not belong here: code of the splits, which it must not trust.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages.keys import Hashes, hashed, joined, same
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.split import SplitRule
    from ml_assets.stages.result import Handle

FOLDS = ("train", "validation", "test")


def check(
    spec: SplitRule,
    *,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Red when a key (or a group) is in two folds, twice in one, or is referenced wrongly.

    One batch is in memory at a time, and 17 bytes for each row of a fold.
    """
    grouped = spec.split.kind == "hash" and bool(spec.split.group)
    columns = ["_key", "_group"] if grouped else ["_key"]
    folds = [_spans(handle.table()) for handle in (train, validation, test)]
    wrong = [
        f"{name} refers to features of {batch} that it was not made from"
        for name, found in zip(FOLDS, folds, strict=True)
        for batch, (digests, _) in found.items()
        if batch not in features or digests != {features[batch].digest}
    ]
    held: dict[str, list[Hashes]] = {column: [] for column in columns}
    numbers: list[NDArray[np.int8]] = []
    for batch, handle in features.items():
        spans = [found[batch][1] if batch in found else None for found in folds]
        if all(found is None for found in spans):
            continue
        table = handle.table(columns)
        rows, fold = _rows(batch, spans, len(table), wrong)
        numbers.append(fold)
        for column in columns:
            held[column].append(hashed(table[column].take(pa.array(rows)), batch))
    fold = np.concatenate([*numbers, np.zeros(0, np.int8)])
    counts = dict(zip(FOLDS, np.bincount(fold, minlength=len(FOLDS)).tolist(), strict=True))
    for column in columns:
        wrong += _repeated(column.strip("_"), joined(held[column]), fold, counts)
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    text = "; ".join(wrong) or f"no key is in two folds ({listed} rows)"
    verdict = Check("fold_disjointness", not wrong, text, metadata=counts)
    return Result({}, checks=(verdict,))


Spans = NDArray[np.int64]
"""(ranges, 2) first row and the row after the last."""


def _spans(table: pa.Table) -> dict[str, tuple[set[str], Spans]]:
    """Return, for each batch of a fold, the digests that its ranges name, and the ranges."""
    found: dict[str, tuple[set[str], Spans]] = {}
    spans = np.column_stack([table["start"].to_numpy(), table["stop"].to_numpy()])
    batches = table["batch"].combine_chunks().dictionary_encode()
    digests = table["features"].combine_chunks().dictionary_encode()
    for number, batch in enumerate(batches.dictionary.to_pylist()):
        mine = batches.indices.to_numpy() == number
        named = np.unique(digests.indices.to_numpy()[mine])
        found[batch] = ({digests.dictionary[n].as_py() for n in named.tolist()}, spans[mine])
    return found


def _rows(
    batch: str, folds: Sequence[Spans | None], size: int, wrong: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Return the referenced rows of a batch and the number of the fold of each."""
    rows, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    for number, spans in enumerate(folds):
        if spans is None:
            continue
        good = (spans[:, 0] >= 0) & (spans[:, 0] < spans[:, 1]) & (spans[:, 1] <= size)
        for start, stop in spans[~good].tolist():
            wrong.append(
                f"{FOLDS[number]} refers to rows {start}-{stop} of {batch}, which has {size}"
            )
        lengths = spans[good, 1] - spans[good, 0]
        shifts = spans[good, 0] - (np.cumsum(lengths) - lengths)
        rows.append(np.arange(lengths.sum()) + np.repeat(shifts, lengths))
        numbers.append(np.full(len(rows[-1]), number, np.int8))
    return np.concatenate(rows), np.concatenate(numbers)


def _repeated(
    unit: str, hashes: Hashes, fold: NDArray[np.int8], counts: Mapping[str, int]
) -> list[str]:
    """Return what is said of keys in two folds, and of keys twice in one."""
    different = np.zeros(len(FOLDS), np.int64)
    shared = dict.fromkeys(combinations(range(len(FOLDS)), 2), 0)
    for rows, starts in same(hashes):
        there = np.zeros((len(starts), len(FOLDS)), dtype=bool)
        sizes = np.diff(np.append(starts, len(rows)))
        there[np.repeat(np.arange(len(starts)), sizes), fold[rows]] = True
        different += there.sum(axis=0)
        for left, right in shared:
            shared[left, right] += int((there[:, left] & there[:, right]).sum())
    said = [
        f"{counts[name] - found} rows of {name} repeat a key"
        for name, found in zip(FOLDS, different.tolist(), strict=True)
        if unit == "key" and counts[name] > found
    ]
    return said + [
        f"{count} {unit}s are in {FOLDS[left]} and in {FOLDS[right]}"
        for (left, right), count in shared.items()
        if count
    ]
