"""An expression over one row's values in plain Python, where that is surely what pandas gives.

Belongs here: comparisons and arithmetic that are exact, in three-valued logic (None is unknown).
Does not belong here: what `stages/expressions` does otherwise; it is the meaning of an expression,
and `Unsure` sends a reader there.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from ml_assets.spec.expressions import grammar

EXACT = 2**53
"""Whole numbers below are the same as floats."""
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COMPUTE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
Values = Mapping[str, Any]


class Unsure(Exception):
    """Only `stages/expressions` knows the value."""


def truth(tree: ast.expr, row: Values) -> bool | None:
    """Return whether an expression holds for a row; None is unknown. Raises Unsure."""
    answer = _value(tree, row)
    if answer is None or isinstance(answer, bool):
        return answer
    raise Unsure


def _value(node: ast.expr, row: Values) -> Any:
    match node:
        case ast.Name(id=name):
            return row[name]
        case ast.Constant(value=constant):
            return constant
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=inner):
            held = truth(inner, row)
            return None if held is None else not held
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=constant)):
            return -_number(constant)
        case ast.BoolOp(op=op, values=sides):
            return _joined(isinstance(op, ast.And), [truth(side, row) for side in sides])
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as op, left=left, right=right):
            return _joined(isinstance(op, ast.BitAnd), [truth(left, row), truth(right, row)])
        case ast.BinOp(op=op, left=left, right=right):
            return _computed(op, _value(left, row), _value(right, row), right)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(op, left, right, row)
    return _method(node, row)


def _joined(every: bool, sides: list[bool | None]) -> bool | None:
    """Return `and` (every) or `or` of truth values by Kleene's logic."""
    if (not every) in sides:
        return not every
    return None if None in sides else every


def _computed(op: ast.operator, left: Any, right: Any, divisor: ast.expr) -> Any:
    compute = _COMPUTE.get(type(op))
    if compute is None:
        raise Unsure
    if isinstance(op, ast.FloorDiv | ast.Mod) and not (
        isinstance(divisor, ast.Constant) and isinstance(right, int) and right > 0
    ):
        raise Unsure
    if left is None or right is None:
        return None
    return _number(compute(_number(left), _number(right)))


def _number(value: Any) -> Any:
    """Return a number that is exact or a finite float; Unsure for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unsure
    if isinstance(value, int):
        if abs(value) >= EXACT:
            raise Unsure
    elif not math.isfinite(value):
        raise Unsure
    return value


def _compared(op: ast.cmpop, left: ast.expr, right: ast.expr, row: Values) -> bool | None:
    if type(op) not in _COMPARE or grammar.values(right) is not None:
        raise Unsure
    sides = [_value(left, row), _value(right, row)]
    texts = [isinstance(side, str) for side in sides if side is not None]
    if all(texts) and not isinstance(op, ast.Eq | ast.NotEq):
        raise Unsure
    if any(texts) and not all(texts):
        raise Unsure
    if None in sides:
        return None
    if not all(texts):
        sides = [_number(side) for side in sides]
    return bool(_COMPARE[type(op)](*sides))


def _method(node: ast.expr, row: Values) -> bool:
    call = grammar.call(node)
    if call is None or not isinstance(call.on, ast.Name):
        raise Unsure
    if call.name in ("isna", "isnull"):
        return row[call.on.id] is None
    if call.name in ("notna", "notnull"):
        return row[call.on.id] is not None
    raise Unsure
