"""Compares two tables: rows added, removed and changed (by key), columns, statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

EXAMPLES = 5
OFFSET = "_line"
"""The row's line in its file. It changes when a row is added above, so it is not compared."""


@dataclass(frozen=True)
class TableOptions:
    """How to read two tables: the key columns, and the columns that must not be shown."""

    key: Sequence[str] = ()
    hidden: frozenset[str] = frozenset()
    hide_key: bool = False


def compare(a: pa.Table, b: pa.Table, how: TableOptions) -> dict[str, Any]:
    """Return a document of the differences between tables `a` (n rows) and `b` (m rows).

    Rows are matched by key. If there is none, or it is not unique in both tables, entire rows are
    compared, and a changed row counts as one removed and one added. Missing equals missing.
    """
    key, why = _key(a, b, how.key)
    rows, changed, examples = _rows(a, b, key, how)
    return {
        "kind": "table",
        "rows": {"a": a.num_rows, "b": b.num_rows, "by": list(key) or "whole rows", **rows},
        "note": why,
        "columns_changed": changed,
        "examples": examples,
        "schema": schema(a, b),
        "statistics": statistics(a, b, how.hidden),
    }


def schema(a: pa.Table, b: pa.Table) -> dict[str, Any]:
    """Return the columns added, removed, and changed in type."""
    types = [{field.name: str(field.type) for field in table.schema} for table in (a, b)]
    both = [name for name in types[0] if name in types[1]]
    return {
        "added": {name: kind for name, kind in types[1].items() if name not in types[0]},
        "removed": {name: kind for name, kind in types[0].items() if name not in types[1]},
        "retyped": {
            name: [types[0][name], types[1][name]]
            for name in both
            if types[0][name] != types[1][name]
        },
    }


def statistics(a: pa.Table, b: pa.Table, hidden: frozenset[str]) -> dict[str, Any]:
    """Return both tables' statistics of the common columns for which they differ.

    These are the missing values, and minimum, mean and maximum of numbers, or the number of
    distinct values. For a hidden column only the missing values are counted.
    """
    by_column = {}
    for name in a.column_names:
        if name in b.column_names and name != OFFSET:
            before = describe(a[name], name in hidden)
            after = describe(b[name], name in hidden)
            if before != after:
                by_column[name] = {"a": before, "b": after}
    return by_column


def describe(column: pa.ChunkedArray, hidden: bool) -> dict[str, Any]:
    """Return the statistics of one column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    figures: dict[str, Any] = {"missing": column.null_count}
    if hidden:
        return figures
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        span = pc.min_max(column).as_py()
        numbers = {"min": span["min"], "mean": pc.mean(column).as_py(), "max": span["max"]}
        return {**figures, **{name: _shown(value) for name, value in numbers.items()}}
    return {**figures, "distinct": pc.count_distinct(_plain(column)).as_py()}


def _key(a: pa.Table, b: pa.Table, wanted: Sequence[str]) -> tuple[Sequence[str], str | None]:
    names = ("_key",) if all("_key" in t.column_names for t in (a, b)) else tuple(wanted)
    if not names or any(name not in t.column_names for t in (a, b) for name in names):
        return (), "there is no key, so whole rows are counted: a changed one is removed and added"
    for title, table in (("A", a), ("B", b)):
        if len(_frame(table, names).drop_duplicates()) < table.num_rows:
            return (), f"the key is not unique in {title}, so whole rows are counted"
    return names, None


def _rows(
    a: pa.Table, b: pa.Table, key: Sequence[str], how: TableOptions
) -> tuple[dict[str, int], dict[str, int], dict[str, Any]]:
    """Return the counts of rows and of changes by column, and example keys of each kind."""
    shared = [n for n in a.column_names if n in b.column_names and n != OFFSET]
    matched = _match(a, b, key or shared, count=not key)
    at = {side: matched[matched["_merge"] == side] for side in ("left_only", "right_only", "both")}
    here, there = at["both"]["_a"].astype(int), at["both"]["_b"].astype(int)
    left, right = a.take(here.to_numpy()), b.take(there.to_numpy())
    differs = {n: _differs(left[n], right[n]) for n in (shared if key else ()) if n not in key}
    changed = {name: int(mask.sum()) for name, mask in differs.items() if mask.any()}
    any_changed = _any(list(differs.values()), len(left))
    rows = {
        "added": len(at["right_only"]),
        "removed": len(at["left_only"]),
        "changed": int(any_changed.sum()),
    }
    if not key or how.hide_key or set(key) & how.hidden:
        return rows, changed, {}
    some = {
        "added": _texts(b, at["right_only"]["_b"], key),
        "removed": _texts(a, at["left_only"]["_a"], key),
        "changed": _changes(left, right, differs, any_changed, key, how.hidden),
    }
    return rows, changed, {kind: items for kind, items in some.items() if items}


def _match(a: pa.Table, b: pa.Table, names: Sequence[str], count: bool) -> Any:
    import numpy as np

    frames = []
    for title, table in (("_a", a), ("_b", b)):
        frame = _frame(table, names)
        if count:
            frame["_nth"] = frame.groupby(list(names), dropna=False).cumcount()
        frame[title] = np.arange(len(frame))
        frames.append(frame)
    on = [*names, "_nth"] if count else list(names)
    return frames[0].merge(frames[1], on=on, how="outer", indicator=True)


def _frame(table: pa.Table, names: Sequence[str]) -> Any:
    """Return columns as a frame in which equal values compare equal whatever their encoding."""
    import pyarrow as pa

    return pa.table({name: _plain(table[name]) for name in names}).to_pandas()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _differs(a: pa.ChunkedArray, b: pa.ChunkedArray) -> Any:
    """Return, by row, whether two columns differ; missing equals missing, NaN equals NaN."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    a, b = _plain(a), _plain(b)
    if a.type != b.type:
        numbers = all(pa.types.is_integer(c.type) or pa.types.is_floating(c.type) for c in (a, b))
        kind = pa.float64() if numbers else pa.string()
        a, b = a.cast(kind, safe=False), b.cast(kind, safe=False)
    unequal = pc.fill_null(pc.not_equal(a, b), False)
    one_missing = pc.not_equal(pc.is_null(a), pc.is_null(b))
    mask = np.asarray(pc.or_(unequal, one_missing))
    if pa.types.is_floating(a.type):
        both = pc.and_(pc.is_nan(a), pc.is_nan(b))
        mask = mask & ~np.asarray(pc.fill_null(both, False))
    return mask


def _any(masks: Sequence[Any], size: int) -> Any:
    import numpy as np

    return np.logical_or.reduce(masks) if masks else np.zeros(size, dtype=bool)


def _texts(table: pa.Table, places: Any, key: Sequence[str]) -> list[str]:
    first = table.select(list(key)).take(places.astype(int).sort_values().to_numpy()[:EXAMPLES])
    return ["|".join(str(value) for value in row.values()) for row in first.to_pylist()]


def _changes(
    left: pa.Table,
    right: pa.Table,
    differs: Mapping[str, Any],
    any_changed: Any,
    key: Sequence[str],
    hidden: frozenset[str],
) -> list[dict[str, Any]]:
    examples = []
    for at in any_changed.nonzero()[0][:EXAMPLES].tolist():
        examples.append(
            {
                "key": "|".join(str(left[name][at]) for name in key),
                "columns": {
                    name: ["***", "***"]
                    if name in hidden
                    else [_shown(left[name][at].as_py()), _shown(right[name][at].as_py())]
                    for name, mask in differs.items()
                    if mask[at]
                },
            }
        )
    return examples


def _shown(value: Any) -> Any:
    """Return a value that JSON can represent."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)
