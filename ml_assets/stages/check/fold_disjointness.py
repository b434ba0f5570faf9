"""Recounts, from the references and keys themselves, that no row key is in two folds.

Belongs here: this check. Does not belong here: code of the splits, which it must not trust.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.split import SplitRule
    from ml_assets.stages.result import Handle


def check(
    spec: SplitRule,
    *,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Red when a key (or a group) is in two folds, twice in one, or is referenced wrongly."""
    grouped = spec.split.kind == "hash" and bool(spec.split.group)
    tables = {"train": train.table(), "validation": validation.table(), "test": test.table()}
    wrong: list[str] = []
    texts: dict[str, pa.Table] = {
        batch: handle.table(["_key", "_group"] if grouped else ["_key"])
        for batch, handle in features.items()
        if any(
            pc.is_in(pa.scalar(batch), t["batch"].combine_chunks()).as_py() for t in tables.values()
        )
    }
    found = {name: _rows(name, table, texts, features, wrong) for name, table in tables.items()}
    for name, rows in found.items():
        repeated = len(rows) - pc.count_distinct(rows["_key"]).as_py()
        if repeated:
            wrong.append(f"{repeated} rows of {name} repeat a key")
    for column in ["_key", "_group"] if grouped else ["_key"]:
        unit = column.strip("_")
        for left, right in combinations(found, 2):
            shared = _shared(found[left][column], found[right][column])
            if shared:
                wrong.append(f"{shared} {unit}s are in {left} and in {right}")
    counts = {name: len(rows) for name, rows in found.items()}
    listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    text = "; ".join(wrong) or f"no key is in two folds ({listed} rows)"
    verdict = Check("fold_disjointness", not wrong, text, metadata=counts)
    return Result({}, checks=(verdict,))


def _rows(
    name: str,
    table: pa.Table,
    texts: Mapping[str, pa.Table],
    features: Mapping[str, Handle],
    wrong: list[str],
) -> pa.Table:
    """Return the referenced keys of a fold; a key without key columns is told by its batch."""
    parts = []
    for row in table.to_pylist():
        batch, start, stop = row["batch"], row["start"], row["stop"]
        if batch not in texts or row["features"] != features[batch].digest:
            wrong.append(f"{name} refers to features of {batch} that it was not made from")
        elif not 0 <= start < stop <= len(texts[batch]):
            wrong.append(
                f"{name} refers to rows {start}-{stop} of {batch}, which has {len(texts[batch])}"
            )
        else:
            parts.append(_local(texts[batch].slice(start, stop - start), batch))
    columns = next(iter(texts.values())).schema if texts else pa.schema([("_key", pa.string())])
    return pa.concat_tables(parts) if parts else columns.empty_table()


def _local(table: pa.Table, batch: str) -> pa.Table:
    if not pc.starts_with(table["_key"][0], "\\L").as_py():
        return table
    keys: Any = pc.binary_join_element_wise(pa.scalar(batch), table["_key"], "\\")
    return table.set_column(0, "_key", keys)


def _shared(left: pa.ChunkedArray, right: pa.ChunkedArray) -> int:
    both = pc.is_in(pc.unique(left), value_set=pc.unique(right))
    return int(pc.sum(both).as_py() or 0)
