"""From a cleaned batch to model inputs: features, key, event time, target.

Belongs here: building a features table. Does not belong here: calling the user's function
(`hook`), which rows are used for what (`split`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.faults import HookError
from ml_assets.stages.counted import counted
from ml_assets.stages.expressions import reads, value
from ml_assets.stages.frames import to_frame
from ml_assets.stages.hook import ARROW, Hook, call, joined_frames
from ml_assets.stages.identity import identities
from ml_assets.stages.keys import ALONE, BY_INPUTS, UNKEYED
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LARGEST, LINE, UNLABELLED
from ml_assets.stages.sources import sources

if TYPE_CHECKING:
    from ml_assets.spec.model import FeaturesSpec
    from ml_assets.stages.result import Handle

TIME = pa.timestamp("us", "UTC")
TARGET = {"regression": pa.float64(), "binary": pa.int8(), "multiclass": pa.string()}


def features(
    spec: FeaturesSpec,
    *,
    hook: Hook | None = None,
    main: Handle,
    joins: Mapping[str, Handle],
    previous: Mapping[str, Sequence[Handle]],
) -> Result:
    r"""Return `features`: one row for each cleaned row, in the same order.

    Columns: `_key` (text of the key columns; `\L<line>` where a part of the key is missing, which
    identifies the row within its batch only; without key columns what the row is known by, see
    `identity`), `_group` (where the split groups rows: text of its columns, or what represents a
    row that is its own group), `_time` (UTC), `_target` (null where not labelled),
    `_weight` (where declared), `_line`, the features, and `_slice_<name>` for slice columns that
    are not features. HookError if the user's function breaks its contract or the target has the
    wrong type, StageError if the target is not a valid expression.
    """
    table = main.table()
    if len(table):
        inputs = call(spec, hook, table, joined_frames(joins, previous))
    else:
        inputs = pa.schema([(n, ARROW[c.kind]) for n, c in spec.columns.items()]).empty_table()
    target = _target(spec, table)
    columns = {"_key": _key(spec, table)}
    if spec.group:
        columns["_group"] = _group(table, spec.group, columns["_key"])
    columns |= {"_time": _time(table, spec.time), "_target": target}
    if spec.weight is not None:
        columns["_weight"] = table[spec.weight].cast(pa.float64(), safe=False)
    columns |= {LINE: table[LINE]}
    columns |= {name: inputs[name] for name in spec.columns}
    for name in spec.slices:
        if name not in spec.columns:
            columns[f"_slice_{name}"] = _slice(table[name])
    facts: dict[str, Any] = {"rows": len(table), "labelled": len(table) - target.null_count}
    if spec.looked:
        facts["sources"] = sources(spec.looked, inputs, (spec.dataset, table), joins)
    return Result({"features": pa.table(columns).combine_chunks()}, facts)


def _key(spec: FeaturesSpec, table: pa.Table) -> pa.Array:
    r"""Return `a|b|c` of the key columns; `|` and `\` in a value are escaped.

    A row that lacks a part has no key, and differs from other rows that lack it.
    """
    if spec.inputs and not spec.key:
        return identities(table, spec.inputs)
    line = pc.binary_join_element_wise(UNKEYED, table[LINE].cast(pa.string()), "")
    return pc.coalesce(_text(table, spec.key), line) if spec.key else line


def _group(table: pa.Table, names: Sequence[str], keys: pa.Array) -> pa.Array:
    """Return the group of each row; one that lacks a part of it is a group of its own."""
    special = pc.or_(pc.starts_with(keys, UNKEYED), pc.starts_with(keys, BY_INPUTS))
    own = pc.if_else(special, keys, pc.binary_join_element_wise(ALONE, keys, ""))
    return pc.coalesce(_text(table, names), own)


def _text(table: pa.Table, names: Sequence[str]) -> pa.Array:
    return pc.binary_join_element_wise(*[_part(table[n]) for n in names], "|")


def _part(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        text = column.cast(pa.timestamp("us")).cast(pa.string())
    else:
        text = column.cast(pa.string())
    for character in ("\\", "|"):
        text = pc.replace_substring(text, character, f"\\{character}")
    return text


def _time(table: pa.Table, name: str | None) -> pa.ChunkedArray | pa.Array:
    if name is None:
        return pa.nulls(len(table), TIME)
    column = table[name]
    return column if column.type == TIME else column.cast(pa.timestamp("us")).cast(TIME)


def _slice(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    return column.cast(pa.string()).dictionary_encode()


def _target(spec: FeaturesSpec, table: pa.Table) -> pa.Array:
    """Return the target; null without a label: an operand is missing, the value not finite."""
    where = f"{spec.model}: target"
    names = reads(spec.target, table.column_names, where)
    operands = table.select([name for name in table.column_names if name in names])
    missing = np.zeros(len(table), dtype=bool)
    for column in operands.columns:
        missing |= column.is_null().to_numpy()
    if UNLABELLED in table.column_names:
        missing |= table[UNLABELLED].is_valid().to_numpy()
    kind = TARGET[spec.task]
    if missing.all():
        return pa.nulls(len(table), kind)
    present = operands.filter(pa.array(~missing))
    labels = value(spec.target, to_frame(present), where)
    if not isinstance(labels, pd.Series):
        raise HookError(
            f"{spec.model}: target {spec.target!r} is one value, wanted one for each row"
        )
    values = _label(spec, labels)
    if spec.task == "regression":
        _within(spec, values, table[LINE].filter(pa.array(~missing)))
    at = np.cumsum(~missing) - 1
    return values.take(pa.array(at, mask=missing))


def _within(spec: FeaturesSpec, values: pa.Array, lines: pa.ChunkedArray) -> None:
    large = np.abs(values.to_numpy(zero_copy_only=False)) > LARGEST
    if large.any():
        first = int(np.argmax(large))
        raise HookError(
            f"{spec.model}: target {spec.target!r} is beyond {LARGEST:g} in {int(large.sum())} of "
            f"{len(values)} rows, the first on line {lines[first]} of its batch; exclude such "
            "rows by a rule or filter, or predict its logarithm"
        )


def _label(spec: FeaturesSpec, value: pd.Series) -> pa.Array:
    """Return the target's values (all operands present) in the type of the task."""
    wrong = f"{spec.model}: target {spec.target!r} is {value.dtype}, wanted"
    if spec.task == "multiclass":
        return pa.array(value.astype("string"), pa.string(), from_pandas=True)
    if not pd.api.types.is_numeric_dtype(value.dtype):
        raise HookError(f"{wrong} numbers")
    numbers = value.to_numpy("float64", na_value=np.nan)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    if spec.task == "regression":
        return pa.array(numbers, pa.float64(), from_pandas=True)
    other = int((~np.isin(numbers, (0.0, 1.0)) & ~np.isnan(numbers)).sum())
    if other:
        raise HookError(
            f"{wrong} 0 and 1 (or true and false): "
            f"{counted(other, 'row has', 'rows have')} other values"
        )
    return pa.array(numbers, pa.float64(), from_pandas=True).cast(pa.int8())
