"""Check: is no row, group or set of equal inputs in two folds? Recounted from references and keys.

Belongs here: this check. Does not belong here: code of the splits under test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.counted import counted
from ml_assets.stages.keys import BY_INPUTS, Keys, distinct, shared
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.split import SplitRule
    from ml_assets.stages.result import Handle

INPUTS = "sets of equal inputs"
FOLDS = ("train", "validation", "test")


def check(
    spec: SplitRule,
    *,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Failed if a key (or a group) is in two folds, twice in one, or wrongly referenced.

    Nor may rows of equal inputs be in two folds of a hash split, where they have no key.

    One batch is in memory at a time, and a part of the keys (`keys`).
    """
    units = ["keys"]
    if spec.split.kind == "hash":
        units.append("groups" if spec.split.group else INPUTS)
    columns = ["_key", "_group"] if "groups" in units else ["_key"]
    folds = [_spans(handle.table()) for handle in (train, validation, test)]
    wrong = [
        f"{name} refers to features of {batch} other than those it was made from"
        for name, by_batch in zip(FOLDS, folds, strict=True)
        for batch, (digests, _) in by_batch.items()
        if batch not in features or digests != {features[batch].digest}
    ]
    counts = np.zeros(len(FOLDS), np.int64)
    with ExitStack() as files:
        held = {unit: files.enter_context(Keys()) for unit in units}
        for batch, handle in features.items():
            spans = [by_batch[batch][1] if batch in by_batch else None for by_batch in folds]
            if all(span is None for span in spans):
                continue
            table = handle.table(columns)
            rows, fold = _rows(batch, spans, len(table), wrong)
            counts += np.bincount(fold, minlength=len(FOLDS))
            used = table.take(pa.array(rows))
            for unit, keys in held.items():
                pairs = _pairs(unit, used, fold, batch)
                keys.add(pairs["key"], pairs["fold"].to_numpy())
        for unit, keys in held.items():
            wrong += _repeated(unit, keys)
    named = dict(zip(FOLDS, counts.tolist(), strict=True))
    listed = ", ".join(f"{name} {count:,}" for name, count in named.items())
    text = "; ".join(wrong) or f"no key is in two folds ({listed} rows)"
    verdict = Check("fold_disjointness", not wrong, text, metadata=named)
    return Result({}, checks=(verdict,))


def _pairs(unit: str, table: pa.Table, fold: NDArray[np.int64], batch: str) -> pa.Table:
    """Return what a unit of rows is known by, and their folds; each pair once, but for keys."""
    if unit == "keys":
        return pa.table({"key": distinct(table["_key"], batch), "fold": fold})
    pairs = pa.table({"key": table["_group" if unit == "groups" else "_key"], "fold": fold})
    if unit == INPUTS:
        pairs = pairs.filter(pc.starts_with(pairs["key"], BY_INPUTS))
    pairs = pairs.set_column(0, "key", shared(pairs["key"], batch))
    return pairs.group_by(["key", "fold"]).aggregate([])


Spans = NDArray[np.int64]
"""(ranges, 2) first row and the row after the last."""


def _spans(table: pa.Table) -> dict[str, tuple[set[str], Spans]]:
    """Return, for each batch of a fold, the digests that its ranges name, and the ranges."""
    by_batch: dict[str, tuple[set[str], Spans]] = {}
    spans = np.column_stack([table["start"].to_numpy(), table["stop"].to_numpy()])
    batches = table["batch"].combine_chunks().dictionary_encode()
    digests = table["features"].combine_chunks().dictionary_encode()
    for number, batch in enumerate(batches.dictionary.to_pylist()):
        mine = batches.indices.to_numpy() == number
        named = np.unique(digests.indices.to_numpy()[mine])
        by_batch[batch] = ({digests.dictionary[n].as_py() for n in named.tolist()}, spans[mine])
    return by_batch


def _rows(
    batch: str, folds: Sequence[Spans | None], size: int, wrong: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the referenced rows of a batch and the number of the fold of each."""
    rows, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
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
        numbers.append(np.full(len(rows[-1]), number))
    return np.concatenate(rows), np.concatenate(numbers)


def _repeated(unit: str, keys: Keys) -> list[str]:
    """Return messages on keys in two folds, and on keys twice in one."""
    again = np.zeros(len(FOLDS), np.int64)
    shared = dict.fromkeys(combinations(range(len(FOLDS)), 2), 0)
    for fold, sizes in keys.repeated():
        there = np.zeros((len(sizes), len(FOLDS)), np.int64)
        np.add.at(there, (np.repeat(np.arange(len(sizes)), sizes), fold), 1)
        again += np.maximum(there - 1, 0).sum(axis=0)
        for left, right in shared:
            shared[left, right] += int(((there[:, left] > 0) & (there[:, right] > 0)).sum())
    said = [
        f"{counted(count, 'row')} of {name} {'repeats' if count == 1 else 'repeat'} a key"
        for name, count in zip(FOLDS, again.tolist(), strict=True)
        if unit == "keys" and count
    ]
    return said + [
        f"{count} {unit} are in {FOLDS[left]} and in {FOLDS[right]}"
        for (left, right), count in shared.items()
        if count
    ]
