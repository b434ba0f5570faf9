"""Check: is every row of the features in exactly one fold, or counted with a reason?

Belongs here: an independent recount. Does not belong here: code of the splits under test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.counted import counted
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.split import SplitRule
    from ml_assets.stages.result import Handle

NAME = "fold_accounting"
FOLDS = ("train", "validation", "test")
Classes = defaultdict[Any, NDArray[np.int64]]
"""Class -> its rows in each fold."""


def check(
    spec: SplitRule,
    *,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    summary: Handle,
) -> Result:
    """Return the check `fold_accounting`: rows = train + validation + test + rows left out.

    Left out are rows without a label (`unlabelled`), older deliveries of a key (`superseded`,
    reported as merged), and rows in no fold (`out`). One batch's labels are in memory at a time.
    """
    said = summary.json()
    counts, folds = said["rows"], dict(zip(FOLDS, (train, validation, test), strict=True))
    tables = {name: handle.table() for name, handle in folds.items()}
    sizes = {name: _rows(table) for name, table in tables.items()}
    rows, unlabelled, wrong = 0, 0, []
    classes: Classes = defaultdict(lambda: np.zeros(len(FOLDS), np.int64))
    for batch, handle in features.items():
        target = handle.table(["_target"])["_target"]
        missing = target.is_null().to_numpy()
        rows += len(missing)
        unlabelled += int(missing.sum())
        spans = {name: _spans(table, batch) for name, table in tables.items()}
        _count(classes, target, spans)
        for name, own in spans.items():
            used = sum(int(missing[start:stop].sum()) for start, stop in own)
            if used:
                wrong.append(f"{name} refers to {counted(used, 'row')} of {batch} without a label")
    wrong += [
        f"{name} has {counted(sizes[name], 'row')}, the split says {counts[name]:,}"
        for name in FOLDS
        if sizes[name] != counts[name]
    ]
    if sum(counts.values()) != rows:
        wrong.append(f"{sum(counts.values()):,} of {rows:,} rows are accounted for")
    if not counts["unlabelled"] <= unlabelled <= counts["unlabelled"] + counts["superseded"]:
        wrong.append(
            f"{counted(unlabelled, 'row has', 'rows have')} no label, "
            f"the split says {counts['unlabelled']:,}"
        )
    metadata = {"rows": rows, **counts, "unkeyed": said["unkeyed"]}
    metadata |= {name: said[name] for name in ("equal_inputs", "ungrouped") if name in said}
    if wrong:
        text = "; ".join(wrong) + ": a bug in ml_assets, please report it"
        return Result({}, checks=(Check(NAME, False, text, metadata=metadata),))
    text = _text(rows, len(features), counts, said) + _lacking(classes)
    return Result({}, checks=(Check(NAME, True, text, metadata=metadata),))


def _rows(table: pa.Table) -> int:
    return int(pc.sum(pc.subtract(table["stop"], table["start"])).as_py() or 0)


def _spans(table: pa.Table, batch: str) -> list[list[int]]:
    mine = table.filter(pc.equal(table["batch"], batch))
    return np.column_stack([mine["start"].to_numpy(), mine["stop"].to_numpy()]).tolist()  # type: ignore[no-any-return]


def _count(classes: Classes, target: pa.ChunkedArray, spans: Mapping[str, list[list[int]]]) -> None:
    """Add a batch's rows by class and fold; a regression has no classes."""
    if pa.types.is_floating(target.type):
        return
    fold = np.full(len(target), -1, np.int8)
    for number, name in enumerate(FOLDS):
        for start, stop in spans[name]:
            fold[start:stop] = number
    table = pa.table({"class": target, "fold": fold}).group_by(["class", "fold"])
    for row in table.aggregate([([], "count_all")]).to_pylist():
        if row["fold"] >= 0:
            classes[row["class"]][row["fold"]] += row["count_all"]


def _lacking(classes: Classes) -> str:
    """Return what is said of classes that a fold lacks; never their names, which may be hidden."""
    if len(classes) == 1:
        return "; all labelled rows are of one class"
    counts = np.array(list(classes.values())).reshape(-1, len(FOLDS))
    empty = (counts == 0).sum(axis=0).tolist()
    if not any(empty):
        return ""
    which = ", ".join(f"{name} {n:,}" for name, n in zip(FOLDS, empty, strict=True) if n)
    some = int((counts == 0).any(axis=1).sum())
    least = int(counts.sum(axis=1).min())
    return (
        f"; {some:,} of {len(classes):,} classes are missing from a fold ({which}); the rarest "
        f"class has {counted(least, 'row')}"
    )


def _text(rows: int, batches: int, counts: Mapping[str, int], said: Mapping[str, Any]) -> str:
    many = "1 batch" if batches == 1 else f"{batches:,} batches"
    inside = ", ".join(f"{name} {counts[name]:,}" for name in FOLDS)
    text = (
        f"{rows:,} cleaned rows of {many}: {inside}; {counts['unlabelled']:,} without "
        f"a label, {counts['superseded']:,} merged into a later row of their key, "
        f"{counts['out']:,} in no fold"
    )
    if said["unkeyed"]:
        text += f"; {said['unkeyed']:,} without a key, each counted as distinct"
    if "equal_inputs" in said:
        text += f"; rows are known by their inputs, which {said['equal_inputs']:,} share with an "
        text += "earlier row"
    if "ungrouped" in said:
        text += f"; {said['ungrouped']:,} without a group, each a group of its own"
    return text
