"""A row's fold depends on a hash of its key (or inputs) alone, so it never changes.

Belongs here: hash folds, stratified or not. Does not belong here: keys and ranges (`ranges`).

The hash is SipHash-2-4 (Aumasson and Bernstein, 2012) of the UTF-8 text of the key under a 16-byte
secret (the first 16 hexadecimal digits of the SHA-256 of the salt), mixed by the finalizer of
SplitMix64: that is `pandas.util.hash_array`. Its upper 53 bits over 2^53 are a number u in [0, 1):
u < test is test, u < test + validation is validation, the rest is train.
ml_assets_tests/stages/test_split_hash.py spells the hash out and pins it with test vectors.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.keys import ALONE, BY_INPUTS, UNKEYED, shared
from ml_assets.stages.result import Result
from ml_assets.stages.split.ranges import FOLDS, SplitRows, duplicates, read, result

if TYPE_CHECKING:
    from ml_assets.spec.split import HashSplit, SplitRule
    from ml_assets.stages.result import Handle

Array = NDArray[np.float64]
ASSIGNMENT = pa.schema([("_key", pa.string()), ("fold", pa.string())])


def split(spec: SplitRule, *, features: Mapping[str, Handle], kept: Handle | None = None) -> Result:
    """Return `train`, `validation`, `test` (row ranges) and `summary` (JSON).

    `features` are the effective batches in calendar order; with a group key they hold `_group`.
    Stratified, there is a fourth output, `assignment` (`_key`, fold; by key): each labelled row
    ever seen. Passed as `kept` the next time, it makes each row keep its fold.
    """
    rule: HashSplit = spec.split  # type: ignore[assignment]
    if rule.stratify:
        rows = read(features, ["_key", "_target"], _shared)
        fold, assignment = _stratified(rule, rows, kept)
    else:
        name = "_group" if rule.group else "_key"
        rows = read(features, [name], lambda table, batch: _hashed(rule, table[name], batch))
        fold = rows.extra["fold"].to_numpy() if len(rows) else np.zeros(0, np.int8)
    waiting = duplicates(rows, spec.on_duplicate_key)
    masks = {name: (fold == number) & rows.usable for number, name in enumerate(FOLDS)}
    alone = int(rows.extra["alone"].to_numpy().sum()) if rule.group and len(rows) else 0
    outcome = result(rows, masks, waiting or _empty(rule, masks, rows), alone)
    if rule.stratify:
        return Result({**outcome.outputs, "assignment": assignment}, outcome.metadata)
    return outcome


def _shared(table: pa.Table, batch: str) -> pa.Table:
    place = table.column_names.index("_key")
    return table.set_column(place, "_key", shared(table["_key"], batch))


def _hashed(rule: HashSplit, keys: pa.ChunkedArray, batch: str) -> pa.Table:
    """Return the fold of each key (or group), and whether a row is a group of its own."""
    columns = {"fold": pa.array(_fold(rule, uniform(shared(keys, batch), rule.salt)))}
    if rule.group:
        lone = [pc.starts_with(keys, prefix) for prefix in (ALONE, BY_INPUTS, UNKEYED)]
        columns["alone"] = functools.reduce(pc.or_, lone)
    return pa.table(columns)


def uniform(text: pa.ChunkedArray, salt: str) -> Array:
    """Return the hash of each text as a number in [0, 1), (n,)."""
    secret = hashlib.sha256(salt.encode()).hexdigest()[:16]
    # Each distinct text of a batch is hashed once: hash_array does not support Arrow's strings.
    encoded = text.combine_chunks().dictionary_encode()
    values = np.asarray(encoded.dictionary.to_numpy(zero_copy_only=False), dtype=object)
    hashed = pd.util.hash_array(values, hash_key=secret, categorize=False)
    # 53 bits fill a float64 exactly; rounding 64 could give 1.0.
    u = np.asarray((hashed >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
    return np.asarray(u[encoded.indices.to_numpy()])


def _fold(rule: HashSplit, u: Array) -> NDArray[np.int8]:
    """Return the index into FOLDS for each u."""
    fold = np.zeros(len(u), dtype=np.int8)
    fold[u < rule.test + rule.validation] = FOLDS.index("validation")
    fold[u < rule.test] = FOLDS.index("test")
    return fold


def _stratified(
    rule: HashSplit, rows: SplitRows, kept: Handle | None
) -> tuple[NDArray[np.int8], pa.Table]:
    """Return the fold of each row and the assignment of every key ever seen with a label.

    Within (batch, class) new rows are placed in hash order at (rank + v) / n, with v from a hash
    of batch and class, so that small classes are not always in train.
    """
    keys, target = rows.extra["_key"], rows.extra["_target"].cast(pa.string())
    before = ASSIGNMENT.empty_table() if kept is None else kept.table()
    at = pc.index_in(keys, value_set=before["_key"].combine_chunks()).fill_null(-1).to_numpy()
    folds = np.array([FOLDS.index(name) for name in before["fold"].to_pylist()], dtype=np.int8)
    fold = np.full(len(keys), -1, dtype=np.int8)
    fold[at >= 0] = folds[at[at >= 0]]
    new = np.flatnonzero(rows.usable & (at < 0))
    # Rows of equal inputs go together, in the class that most of them have.
    units = keys.take(pa.array(new)).combine_chunks().dictionary_encode()
    unit = np.asarray(units.indices.to_numpy())
    first = np.unique(unit, return_index=True)[1]
    home = rows.at_home(np.arange(len(rows.batches)))[new[first]]
    batch = pa.array([rows.batches[number] for number in home.tolist()], pa.string())
    label = _usual(unit, target.take(pa.array(new)).combine_chunks())
    stratum = pa.chunked_array([pc.binary_join_element_wise(batch, label, "|")])
    named = pa.chunked_array([units.dictionary])
    assigned = _fold(rule, _positions(rule, named, stratum, np.bincount(unit)))
    fold[new] = assigned[unit]
    texts = pa.array([FOLDS[number] for number in assigned.tolist()], pa.string())
    added = pa.table({"_key": named, "fold": texts}, schema=ASSIGNMENT)
    return fold, pa.concat_tables([before, added]).combine_chunks().sort_by("_key")


def _usual(unit: NDArray[np.int64], label: pa.Array) -> pa.Array:
    """Return the label of most rows of each unit, the first in order where several are."""
    if len(unit) == 0 or int(unit[-1]) == len(unit) - 1:
        return label
    counts = pa.table({"unit": unit, "label": label}).group_by(["unit", "label"])
    totals = counts.aggregate([([], "count_all")])
    order = [("unit", "ascending"), ("count_all", "descending"), ("label", "ascending")]
    totals = totals.sort_by(order)
    return (
        totals["label"]
        .take(pa.array(np.unique(totals["unit"].to_numpy(), return_index=True)[1]))
        .combine_chunks()
    )


def _positions(
    rule: HashSplit, keys: pa.ChunkedArray, stratum: pa.ChunkedArray, size: NDArray[np.int64]
) -> Array:
    """Return the place in its stratum, in [0, 1), of each unit of `size` rows."""
    if not len(keys):
        return np.zeros(0)
    codes = np.unique(np.asarray(stratum.to_pylist(), dtype=str), return_inverse=True)[1]
    order = np.lexsort((uniform(keys, rule.salt), codes))
    whole = np.bincount(codes, weights=size)
    rank = np.empty(len(codes))
    rank[order] = np.cumsum(size[order]) - size[order]
    rank -= (np.cumsum(whole) - whole)[codes]
    return np.asarray((rank + uniform(stratum, rule.salt) * size) / whole[codes])


def _empty(rule: HashSplit, masks: Mapping[str, NDArray[np.bool_]], rows: SplitRows) -> str | None:
    """Return a message on folds without rows, or None."""
    empty = [name for name in FOLDS if not masks[name].any()]
    if not empty:
        return None
    return (
        f"needs labelled rows in every fold (test {rule.test:g}, validation {rule.validation:g}), "
        f"has {int(rows.usable.sum())} labelled rows, none for {' and '.join(empty)}"
    )
