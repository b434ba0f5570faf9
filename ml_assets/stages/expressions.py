"""Expressions over columns, in three-valued logic: a comparison with a missing value is unknown.

Belongs here: evaluating a listed tree, node by node; no expression is ever passed to Python or
pandas for evaluation. Does not belong here: what may be written (`spec.expressions`), what
follows from the result.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.faults import StageError
from ml_assets.spec.expressions import constants, grammar

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_WRAPS = 2.0**63
_AROUND = {"contains": ("", ""), "match": ("^(?:", ")"), "fullmatch": ("^(?:", ")$")}
Columns = Mapping[str, pd.Series]


def truth(expression: str, frame: pd.DataFrame, where: str) -> pd.Series:
    """Return an expression's truth value for each row: true, false or NA (dtype boolean).

    `a > 2 & b.isna()` binds as pandas does. Raises StageError naming `where` (a rule or a
    filter) if it cannot be evaluated on columns of these types, or gives no truth values.
    """
    result = value(expression, frame, where)
    if not isinstance(result, pd.Series) or not pd.api.types.is_bool_dtype(result.dtype):
        raise StageError(f"{where}: {expression!r} is not true or false for each row")
    return pd.Series(result.astype("boolean"))


def reads(expression: str, columns: Collection[str], where: str) -> set[str]:
    """Return the columns that an expression reads; StageError naming `where` if it is invalid."""
    try:
        return grammar.names(grammar.parse(expression, columns))
    except ValueError as error:
        raise StageError(f"{where}: {expression!r} cannot be evaluated: {error}") from error


def value(expression: str, frame: pd.DataFrame, where: str) -> Any:
    """Return an expression's value: a series aligned with the frame's rows, or one constant.

    A column alone is returned unchanged. Raises StageError naming `where` if the expression is
    invalid, or cannot be evaluated on columns of these types.
    """
    try:
        tree = grammar.parse(expression, frame.columns)
        if isinstance(tree, ast.Name):
            return frame[tree.id]
        read = grammar.names(tree)
        return _value(tree, {n: _operand(frame[n]) for n in frame.columns if n in read})
    except (TypeError, ValueError, KeyError, OverflowError, NotImplementedError) as error:
        raise StageError(f"{where}: {expression!r} cannot be evaluated: {error}") from error


def _operand(column: pd.Series) -> pd.Series:
    """Return a column in one of the types used for computing: times in UTC, categories as text."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return column.astype("string[pyarrow]")
    if pd.api.types.is_bool_dtype(kind):
        return column.astype("boolean")
    if isinstance(kind, np.dtype) and kind.kind == "M":
        return pd.Series(column.dt.as_unit("us").dt.tz_localize("UTC"))
    return column


def _value(node: ast.expr, columns: Columns) -> Any:
    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=constant):
            return constant
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=inner):
            return _not(_truth(_value(inner, columns)))
        case ast.UnaryOp(op=op, operand=inner):
            number = _number(_value(inner, columns))
            return -number if isinstance(op, ast.USub) else number
        case ast.BoolOp(op=op, values=sides):
            join = operator.and_ if isinstance(op, ast.And) else operator.or_
            return reduce(join, [_truth(_value(side, columns)) for side in sides])
        case ast.BinOp(op=op, left=left, right=right):
            return _arithmetic(op, _value(left, columns), _value(right, columns))
        case ast.Compare():
            return _comparison(node, columns)
    call = grammar.call(node)
    if call is None:
        raise TypeError(f"no {type(node).__name__}")
    return _method(call, columns)


def _comparison(node: ast.Compare, columns: Columns) -> Any:
    left, masks = _value(node.left, columns), []
    for operation, other in zip(node.ops, node.comparators, strict=True):
        listed = grammar.values(other)
        if listed is None:
            right = _value(other, columns)
            masks.append(_compared(_COMPARE[type(operation)], left, right))
            left = right
        else:
            inside = _in(left, listed)
            masks.append(_not(inside) if isinstance(operation, ast.NotIn | ast.NotEq) else inside)
    return reduce(operator.and_, masks)


def _compared(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Return a comparison, NA if a side is missing: pandas does so only for its own types."""
    left, right = _like(left, right), _like(right, left)
    if _is_bool(left) != _is_bool(right):
        left, right = _number(left), _number(right)
    if type(left) is type(right) is pd.Series and left.dtype.kind != right.dtype.kind:
        left, right = _real(left), _real(right)
    answer = compare(left, right)
    for side in (left, right):
        if isinstance(side, pd.Series):
            answer = answer.astype("boolean").mask(side.isna())
    return answer


def _in(left: Any, listed: list[Any]) -> Any:
    wanted = [_like(item, left) for item in listed]
    if not isinstance(left, pd.Series):
        return left in wanted
    texts = pd.api.types.is_string_dtype(left.dtype)
    if any(isinstance(item, str) for item in wanted) != texts:
        raise TypeError("cannot compare texts with other values in a list")
    return left.isin(wanted).astype("boolean").mask(left.isna())


def _like(side: Any, other: Any) -> Any:
    """Return a text as what it is compared with: a time or a duration."""
    if isinstance(side, str) and isinstance(other, pd.Series):
        if isinstance(other.dtype, pd.DatetimeTZDtype):
            return pd.Timestamp(constants.instant(side))
        if other.dtype.kind == "m":
            return pd.Timedelta(constants.duration(side))
    return side


def _arithmetic(operation: ast.operator, left: Any, right: Any) -> Any:
    compute = constants.ARITHMETIC[type(operation)]
    if any(_is_time(side) for side in (left, right)):
        return compute(left, _shift(right, isinstance(operation, ast.Sub)))
    if isinstance(operation, ast.Mult) and isinstance(right, str):
        return _times(left, right)
    if isinstance(operation, ast.Mult) and isinstance(left, str):
        return _times(right, left)
    if any(_is_text(side) for side in (left, right)):
        if not isinstance(operation, ast.Add) or not (_is_text(left) and _is_text(right)):
            raise TypeError("arithmetic is for numbers, got a text")
        return left + right
    left, right = _number(left), _number(right)
    whole = isinstance(operation, ast.Add | ast.Sub | ast.Mult) or (
        # Integer columns reject some divisors and exponents that floats accept.
        isinstance(right, int)
        and not isinstance(operation, ast.Div)
        and (right > 0 or (right == 0 and isinstance(operation, ast.Pow)))
    )
    near = compute(_real(left), _real(right))
    if not whole or any(_is_real(side) for side in (left, right)):
        return near
    # Whole numbers are exact, and wrap around silently where 64 bits do not hold them.
    wraps = isinstance(near, pd.Series) and bool((near.abs() >= _WRAPS).any())
    return near if wraps else compute(left, right)


def _times(number: Any, text: str) -> pd.Series:
    """Return a number of durations; missing where it is longer than a duration may be."""
    if not isinstance(number, pd.Series):
        raise TypeError("arithmetic is for numbers, got a text")
    one = constants.duration(text) // timedelta(microseconds=1)
    count = pd.Series(_real(_number(number)), dtype="float64") * one
    known = count.abs() <= timedelta(days=constants.LONGEST) // timedelta(microseconds=1)
    whole = count.where(known, 0).round().astype("int64").astype("timedelta64[us]")
    return pd.Series(whole.where(known))


def _shift(right: Any, minus: bool) -> Any:
    """Return what is added to a time or subtracted from it, a text as a time or a duration."""
    if not isinstance(right, str):
        return right
    if minus:
        try:
            return pd.Timestamp(constants.instant(right))
        except ValueError:
            pass
    return pd.Timedelta(constants.duration(right))


def _number(side: Any) -> Any:
    if isinstance(side, pd.Series):
        if pd.api.types.is_bool_dtype(side.dtype):
            return side.astype("Int64")
        if not pd.api.types.is_numeric_dtype(side.dtype) and side.dtype.kind != "m":
            raise TypeError(f"wanted numbers, got {side.dtype}")
        return side
    if not isinstance(side, int | float):
        raise TypeError(f"wanted a number, got {side!r}")
    return int(side) if isinstance(side, bool) else side


def _real(side: Any) -> Any:
    """Return numbers as float64 with NaN for missing, so that there is only one kind of missing."""
    if not isinstance(side, pd.Series) or side.dtype.kind not in "iuf":
        return side
    return pd.Series(side.to_numpy("float64", na_value=np.nan), index=side.index)


def _truth(side: Any) -> Any:
    if isinstance(side, bool):
        return side
    if isinstance(side, pd.Series) and pd.api.types.is_bool_dtype(side.dtype):
        return side.astype("boolean")
    raise TypeError("& | ~ are for true or false")


def _not(side: Any) -> Any:
    return (not side) if isinstance(side, bool) else ~side


def _is_bool(side: Any) -> bool:
    if isinstance(side, pd.Series):
        return bool(pd.api.types.is_bool_dtype(side.dtype))
    return isinstance(side, bool)


def _is_real(side: Any) -> bool:
    return side.dtype.kind == "f" if isinstance(side, pd.Series) else isinstance(side, float)


def _is_text(side: Any) -> bool:
    if isinstance(side, pd.Series):
        return bool(pd.api.types.is_string_dtype(side.dtype))
    return isinstance(side, str)


def _is_time(side: Any) -> bool:
    """Return whether a side is a series of times or durations."""
    return isinstance(side, pd.Series) and side.dtype.kind in "mM"


def _method(call: grammar.Call, columns: Columns) -> Any:
    on = _value(call.on, columns)
    if not isinstance(on, pd.Series):
        raise TypeError(f".{call.name} is for columns, got {on!r}")
    accessor, _, name = call.name.rpartition(".")
    if name in ("isna", "isnull"):
        return on.isna().astype("boolean")
    if name in ("notna", "notnull"):
        return on.notna().astype("boolean")
    if name == "isin":
        return _in(on, grammar.values(call.given["values"]) or [])
    if name == "between":
        return _between(on, call, columns)
    if name == "abs":
        return _number(on).abs()
    given = {key: grammar.constant(node) for key, node in call.given.items()}
    if accessor == "str":
        return _text_method(on, name, given)
    part = getattr(on.dt, name)  # never an error
    answer = _plain(part() if call.method.called else part)
    # pandas returns false for a missing time.
    return answer.mask(on.isna()) if call.method.gives == "boolean" else answer


def _between(on: pd.Series, call: grammar.Call, columns: Columns) -> Any:
    side = grammar.constant(call.given["inclusive"]) if "inclusive" in call.given else "both"
    low, high = (_value(call.given[name], columns) for name in ("left", "right"))
    above = operator.ge if side in ("both", "left") else operator.gt
    below = operator.le if side in ("both", "right") else operator.lt
    return _compared(above, on, low) & _compared(below, on, high)


def _text_method(on: pd.Series, name: str, given: Mapping[str, Any]) -> Any:
    if not _is_text(on):
        raise TypeError(f".str.{name} is for texts, got {on.dtype}")
    missing = given.get("na")
    if name in ("startswith", "endswith"):
        answer = getattr(on.str, name)(given["pat"]).astype("boolean")  # never an error
    elif name in _AROUND:
        answer = _matched(on, name, given)
    else:
        return _plain(getattr(on.str, name)(**given))  # never an error
    return answer if missing is None else answer.fillna(missing)


def _matched(on: pd.Series, name: str, given: Mapping[str, Any]) -> pd.Series:
    """Match with RE2, whose time is linear in the text whatever the pattern."""
    match = pc.match_substring_regex if given.get("regex", True) else pc.match_substring
    before, after = _AROUND[name]
    pattern = f"{before}{given['pat']}{after}"
    answer = match(pa.array(on), pattern, ignore_case=not given.get("case", True))
    return pd.Series(answer.to_pandas(types_mapper=_BOOLEAN), index=on.index, dtype="boolean")


_BOOLEAN = {pa.bool_(): pd.BooleanDtype()}.get


def _plain(series: pd.Series) -> pd.Series:
    """Return a result of pandas in one of the types used for computing."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iu":
        return series.astype("int64")
    if isinstance(series.dtype, np.dtype) and series.dtype.kind == "O":
        return series.astype("string[pyarrow]")
    return _operand(series)
