"""Whether an expression fits the declared types of its columns, before any row is seen.

Belongs here: the kind of each part, and what to write where two do not fit. Does not belong
here: what may be written at all (`grammar`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from keyword import iskeyword
from typing import Any

from ml_assets.errors import suggest
from ml_assets.spec.columns import Column, ColumnType
from ml_assets.spec.expressions import constants, grammar
from ml_assets.spec.expressions.methods import Kind, Parameter

KINDS: dict[ColumnType, Kind] = {
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "text": "text",
    "category": "text",
    "timestamp": "time",
    "date": "time",
}

A: dict[Kind, str] = {
    "number": "a number",
    "boolean": "true or false",
    "text": "a text",
    "time": "a time",
    "duration": "a duration",
}
"""Kinds in words."""


def kind_of(text: str, columns: Mapping[str, Column]) -> Kind:
    """Return the kind of an expression's value for each row.

    ValueError if it is invalid, reads no column or an unknown one, or types do not match.
    """
    try:
        tree = grammar.parse(text, columns)
        read = grammar.names(tree)
        if not read:
            raise ValueError(f"{text!r} reads no column")
        unknown = sorted(read - columns.keys())
        if unknown:
            said = [f"no column {name!r}{suggest(name, columns)}" for name in unknown]
            raise ValueError("; ".join(said))
        return _kind(tree, {name: KINDS[column.type] for name, column in columns.items()})
    except ValueError as error:
        hint = "".join(f"; write `{name}` in backticks" for name in _bare(text, columns))
        raise ValueError(f"{error}{hint}") from None


def _bare(text: str, columns: Iterable[str]) -> list[str]:
    """Return the columns with non-Python names that a text holds without backticks."""
    odd = [name for name in columns if iskeyword(name) or not name.isidentifier()]
    return [name for name in odd if name in text and f"`{name}`" not in text]


def _kind(node: ast.expr, columns: Mapping[str, Kind]) -> Kind:
    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=value):
            return _constant(value)
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=inner):
            return _wanted("boolean", inner, columns, "not and ~")
        case ast.UnaryOp(operand=inner):
            return _wanted("number", inner, columns, "a sign")
        case ast.BoolOp(values=sides):
            for side in sides:
                _wanted("boolean", side, columns, "& and |")
            return "boolean"
        case ast.BinOp():
            return _arithmetic(node, columns)
        case ast.Compare(left=left, comparators=others):
            for side in others:
                _comparable(left, side, columns)
                left = side
            return "boolean"
    return _method(node, columns)


def _constant(value: object) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def _wanted(kind: Kind, node: ast.expr, columns: Mapping[str, Kind], what: str) -> Kind:
    actual = _kind(node, columns)
    if actual != kind:
        raise ValueError(f"{what}: {grammar.shown(node)} is {A[actual]}, wanted {A[kind]}")
    return actual


def _arithmetic(node: ast.BinOp, columns: Mapping[str, Kind]) -> Kind:
    left, right = _kind(node.left, columns), _kind(node.right, columns)
    sides = {left, right}
    if sides <= {"number", "boolean"} and "number" in sides:
        return "number"
    if isinstance(node.op, ast.Add) and sides == {"text"}:
        return "text"
    if isinstance(node.op, ast.Add | ast.Sub):
        shifted = _shifted(node, left, right)
        if shifted is not None:
            return shifted
    if isinstance(node.op, ast.Mult) and sides == {"number", "text"}:
        for side in (node.left, node.right):
            if isinstance(side, ast.Constant) and isinstance(side.value, str):
                constants.duration(side.value)
                return "duration"
    if sides == {"boolean"}:
        raise ValueError("arithmetic between two booleans; use & and |")
    shown = f"{grammar.shown(node.left)} is {A[left]}, {grammar.shown(node.right)} is {A[right]}"
    hint = "; .dt.total_seconds() makes a number of a duration" if "duration" in sides else ""
    raise ValueError(f"arithmetic: {shown}{hint}")


def _shifted(node: ast.BinOp, left: Kind, right: Kind) -> Kind | None:
    """Return the kind of a sum or difference of times and durations, or None."""
    minus = isinstance(node.op, ast.Sub)
    if left == "time" and right == "text" and isinstance(node.right, ast.Constant):
        text = grammar.constant(node.right)
        right = "time" if minus and _is_time(text) else "duration"
        if right == "duration":
            constants.duration(text)
    if left == "time" and right == "time" and minus:
        return "duration"
    if left == "time" and right == "duration":
        return "time"
    return "duration" if left == right == "duration" else None


def _is_time(text: str) -> bool:
    try:
        constants.instant(text)
    except ValueError:
        return False
    return True


def _comparable(left: ast.expr, right: ast.expr, columns: Mapping[str, Kind]) -> None:
    kind = _kind(left, columns)
    listed = grammar.values(right)
    if listed is not None:
        for value in listed:
            _fits(left, kind, value)
        return
    other = _kind(right, columns)
    if kind == other:
        return
    if isinstance(right, ast.Constant):
        _fits(left, kind, right.value)
    elif isinstance(left, ast.Constant):
        _fits(right, other, left.value)
    elif {kind, other} != {"number", "boolean"}:
        shown = f"{grammar.shown(left)} is {A[kind]}, {grammar.shown(right)} is {A[other]}"
        raise ValueError(f"not comparable: {shown}")


def _fits(node: ast.expr, kind: Kind, value: Any) -> None:
    """Raise ValueError where a constant cannot be compared with values of a kind."""
    if kind == "time" and isinstance(value, str):
        constants.instant(value)
    elif kind == "duration" and isinstance(value, str):
        constants.duration(value)
    elif kind != _constant(value) and {kind, _constant(value)} != {"number", "boolean"}:
        raise ValueError(
            f"not comparable: {grammar.shown(node)} is {A[kind]}, got {value!r}, "
            f"wanted {_EXAMPLES[kind]}"
        )


def _method(node: ast.expr, columns: Mapping[str, Kind]) -> Kind:
    call = grammar.call(node)
    assert call is not None, ast.dump(node)
    on, name, method, given = call
    if not grammar.names(on):
        raise ValueError(f".{name} is for columns, got {grammar.shown(on)}")
    kind = _kind(on, columns)
    durations = name == "abs" and kind == "duration"
    if method.of is not None and kind != method.of and not durations:
        raise ValueError(f".{name} is for {A[method.of]}, {grammar.shown(on)} is {A[kind]}")
    for parameter in method.takes:
        if parameter.name in given:
            _argument(on, parameter, given, columns)
    return method.gives or kind


def _argument(
    on: ast.expr, parameter: Parameter, given: Mapping[str, ast.expr], columns: Mapping[str, Kind]
) -> None:
    node = given[parameter.name]
    if parameter.wanted in ("operand", "values"):
        _comparable(on, node, columns)
    elif parameter.wanted == "pattern":
        regex = given.get("regex")
        if regex is None or grammar.constant(regex):
            _linear(grammar.constant(node))


def _linear(pattern: str) -> None:
    """Raise ValueError for a pattern that RE2 (linear time) does not support."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), f"^(?:{pattern})$")
    except pa.ArrowInvalid as error:
        shown = pattern if len(pattern) <= 100 else f"{pattern[:100]}…"
        raise ValueError(
            f"{shown!r}: {error} (RE2's, which has no lookaround (?=…) or backreferences \\1)"
        ) from None


_EXAMPLES: dict[Kind, str] = {
    "number": "a number such as 3",
    "boolean": "True or False",
    "text": "a text in quotes such as 'a'",
    "time": "a time such as '2024-01-31' or '2024-01-31T12:00'",
    "duration": "a duration such as '15min'",
}
