"""Calling the user's features function, and checking its contract.

Belongs here: its arguments, what it must return, the messages if it does not. Does not belong
here: keys, targets and everything else of a features table (`features`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.faults import HookError, raised, suggest
from ml_assets.stages.counted import counted
from ml_assets.stages.frames import to_frame
from ml_assets.stages.schema import LARGEST, category

if TYPE_CHECKING:
    from ml_assets.spec.model import FeaturesSpec
    from ml_assets.stages.result import Handle

Hook = Callable[..., Any]
ARROW = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "text": pa.string(),
}

MOST = 2**63 - 1


def joined_frames(
    joins: Mapping[str, Handle], previous: Mapping[str, Sequence[Handle]]
) -> dict[str, Any]:
    """Return the keyword arguments besides the main frame.

    `<dataset>` is a joined dataset's whole frame, `<dataset>_previous` the list of its preceding
    batches, oldest first. Preceding batches are history and are passed whole, including those of
    the main dataset.
    """
    frames: dict[str, Any] = {name: to_frame(handle.table()) for name, handle in joins.items()}
    for name, handles in previous.items():
        frames[f"{name}_previous"] = [to_frame(handle.table()) for handle in handles]
    return frames


def call(
    spec: FeaturesSpec, hook: Hook | None, main: pa.Table, joined: Mapping[str, Any]
) -> pa.Table:
    """Return the feature columns of `main`, row by row, in the order of `spec.columns`.

    Without a function they are the columns of the same names. The function sees only the columns
    that are known at the moment of prediction. HookError if it raises or returns anything but a
    frame with the same index and the declared columns.
    """
    schema = pa.schema([(name, ARROW[column.kind]) for name, column in spec.columns.items()])
    if hook is None:
        return pa.table({field.name: _cast(main[field.name], field.type) for field in schema})
    present = set(main.column_names)
    frame = to_frame(main.select([name for name in spec.known if name in present]))
    index = frame.index
    try:
        returned = hook(**{spec.dataset: frame}, **_shallow(joined))
    except Exception as error:
        raise HookError(_raised(spec, hook, error)) from error
    where = place(hook)
    if not isinstance(returned, pd.DataFrame):
        raise HookError(f"{where} returned {type(returned).__name__}, wanted a DataFrame")
    _same_rows(where, index, returned.index)
    _same_columns(where, list(spec.columns), list(returned.columns))
    arrays = {
        name: _column(where, name, column.kind, returned[name])
        for name, column in spec.columns.items()
    }
    return pa.table(arrays, schema=schema)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """Return a column of the dataset in the type of a feature."""
    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind):
        return category(column.cast(pa.string()).combine_chunks())
    return column.cast(kind, safe=False)


def place(hook: Hook) -> str:
    """Return `folder/file.py:function` of a user's function."""
    code = getattr(hook, "__code__", None)
    name = getattr(hook, "__qualname__", type(hook).__name__)
    return name if code is None else f"{'/'.join(PurePath(code.co_filename).parts[-2:])}:{name}"


def _shallow(joined: Mapping[str, Any]) -> dict[str, Any]:
    """Return frames to which a function may add columns that the next call does not see."""
    return {
        name: [frame.copy(deep=False) for frame in value]
        if isinstance(value, list)
        else value.copy(deep=False)
        for name, value in joined.items()
    }


def _raised(spec: FeaturesSpec, hook: Hook, error: Exception) -> str:
    """Return what a function raised; a withheld column is named with its moment."""
    where = place(hook)
    if isinstance(error, KeyError | AttributeError):
        names = {getattr(error, "name", None), *re.findall(r"'([^']*)'", str(error))}
        for name in spec.withheld:
            if name in names:
                return (
                    f"{where}: column {name} is known only at {spec.withheld[name]}; "
                    f"{spec.model} predicts at {spec.predict_at}"
                )
    hint = ""
    if isinstance(error, KeyError) and len(error.args) == 1 and error.args[0] not in spec.known:
        hint = suggest(str(error.args[0]), spec.known)
    return raised(where, hook, error) + hint


def _same_rows(where: str, wanted: pd.Index, got: pd.Index) -> None:
    if got.equals(wanted):
        return
    doubled = int(got.duplicated().sum())
    missing = int((~wanted.isin(got)).sum())
    extra = int((~got.isin(wanted)).sum())
    counts = (
        (missing, "missing"),
        (extra, "that are not in the batch"),
        (doubled, "duplicated"),
    )
    wrong = ", ".join(f"{count} {what}" for count, what in counts if count) or "in another order"
    raise HookError(
        f"{where} returned {counted(len(got), 'row')} for {len(wanted)}: {wrong}; "
        "wanted the index of its input frame"
    )


def _same_columns(where: str, wanted: Sequence[str], got: Sequence[Any]) -> None:
    missing = [name for name in wanted if name not in got]
    extra = [str(name) for name in got if name not in wanted]
    doubled = sorted({str(name) for name in got if got.count(name) > 1})
    parts = [
        f"column {name!r} is missing{suggest(name, extra) if extra else ''}" for name in missing
    ]
    parts += [
        f"column {name!r} is not in features.columns{suggest(name, missing or wanted)}"
        for name in extra
    ]
    parts += [f"column {name!r} is duplicated" for name in doubled]
    if parts:
        raise HookError(f"{where}: {'; '.join(parts)}")


def _column(where: str, name: str, kind: str, values: pd.Series) -> pa.Array:
    """Return a returned column in its declared type; missing is null."""
    wanted = f"{where}: column {name!r} is {values.dtype}, wanted {kind}"
    if kind == "category":
        return _category(wanted, values)
    if kind == "text":
        return _category(wanted, values).cast(pa.string())
    if kind in ("date", "timestamp"):
        return _time(wanted, values, ARROW[kind])
    is_bool = pd.api.types.is_bool_dtype(values.dtype)
    if kind == "boolean":
        if not is_bool:
            raise HookError(f"{wanted} (bool or boolean)")
        return pa.array(values, pa.bool_(), from_pandas=True)
    if is_bool or not pd.api.types.is_numeric_dtype(values.dtype) or values.dtype.kind == "c":
        raise HookError(wanted)
    if kind == "integer" and values.dtype.kind in "iu":
        wide = int((values > MOST).sum())
        if wide:
            raise HookError(
                f"{wanted}: {counted(wide, 'value needs', 'values need')} more than 64 bits"
            )
        return pa.array(values, pa.int64(), from_pandas=True)
    floats = values.to_numpy("float64", na_value=np.nan)
    large = np.abs(floats) > LARGEST
    if large.any():
        raise HookError(
            f"{where}: column {name!r} is infinite or beyond {LARGEST:g} in {int(large.sum())} of "
            f"{len(floats)} rows (the first got {floats[large][0]:g}); "
            "make them missing, take a logarithm, or do not divide by zero"
        )
    if kind == "number":
        return pa.array(floats, pa.float64(), from_pandas=True)
    broken = int((floats != np.floor(floats)).sum() - np.isnan(floats).sum())
    if broken:
        raise HookError(f"{wanted}: {counted(broken, 'value has', 'values have')} a fraction")
    wide = int((np.abs(floats) > MOST).sum())
    if wide:
        raise HookError(
            f"{wanted}: {counted(wide, 'value needs', 'values need')} more than 64 bits"
        )
    return pa.array(floats, pa.float64(), from_pandas=True).cast(pa.int64())


def _time(wanted: str, values: pd.Series, kind: pa.DataType) -> pa.Array:
    """Return dates or times; one without a zone is taken as UTC."""
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        raise HookError(f"{wanted} (datetime64)")
    return pa.array(values, from_pandas=True).cast(pa.timestamp("us", "UTC")).cast(kind)


def _category(wanted: str, values: pd.Series) -> pa.Array:
    """Return a dictionary array; its dictionary is sorted and holds only the values in use."""
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise HookError(f"{wanted} of text: {error}") from None
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not (_is_text(kind) or array.null_count == len(array)):
        raise HookError(f"{wanted} of text")
    text = array.cast(pa.string())
    names = pc.unique(text).drop_null()
    if isinstance(names, pa.ChunkedArray):
        names = names.combine_chunks()
    names = names.take(pc.sort_indices(names))
    codes = pc.index_in(text, value_set=names)
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.combine_chunks()
    return pa.DictionaryArray.from_arrays(codes, names)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
