"""What may be written in an expression: a small part of Python's grammar, and nothing else.

Belongs here: from text to a tree of listed nodes whose names are columns. Does not belong here:
whether the types fit (`kinds`). A ValueError says what is not allowed, and what is.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, cast

from ml_assets.spec.expressions import constants
from ml_assets.spec.expressions.methods import METHODS, SIDES, Method

LONGEST = 20_000
"""Largest length of an expression, in characters."""
DEEPEST = 100
"""Levels of nesting; each term of a sum is one. So trees can be walked recursively."""
LISTED = (
    "allowed are columns (odd names in backticks), numbers, texts in quotes, + - * / // % **, "
    "comparisons, in [...], & | ~, and listed methods such as .isna() or .str.startswith('a')"
)
_PIECE = re.compile(
    r"(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
    r"|(?P<column>`[^`\n]+`)|(?P<and>&)|(?P<or>\|)|(?P<rest>[^'\"`&|]+|.)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KNOWN_ESCAPES = frozenset("\\'\"abfnrtvxuUN01234567\n")
_ARITHMETIC = tuple(constants.ARITHMETIC)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
_LISTS = (ast.List, ast.Tuple, ast.Set)


class Call(NamedTuple):
    """A listed method, or property, with the node that it is called on."""

    on: ast.expr
    name: str
    method: Method
    given: Mapping[str, ast.expr]


def parse(text: str, columns: Collection[str]) -> ast.expr:
    """Return an expression as a tree; a column's name always means that column.

    `&` and `|` bind as `and` and `or`, arithmetic between constants is done. ValueError for
    anything not listed. Whether every name is a column is not checked here (see `names`).
    """
    if text in columns:
        return ast.Name(text, ast.Load())
    if len(text) > LONGEST:
        raise ValueError(f"an expression of {len(text):,} characters, wanted at most {LONGEST:,}")
    quoted: dict[str, str] = {}
    source = "".join(_pieces(text, quoted))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error) or "nested too deeply"
        raise ValueError(f"{_short(text)} is not an expression: {said}; {LISTED}") from None
    if deeper(tree, DEEPEST):
        raise ValueError(f"an expression nested more than {DEEPEST} levels deep")
    _look(tree)
    return cast(ast.expr, _Finish(quoted).visit(tree))


def names(tree: ast.expr) -> set[str]:
    """Return the columns that an expression reads."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def call(node: ast.expr) -> Call | None:
    """Return a node as the method or property that it names; None if it is something else.

    ValueError for one that is not listed, or has other arguments.
    """
    called = isinstance(node, ast.Call)
    target = node.func if isinstance(node, ast.Call) else node
    if not isinstance(target, ast.Attribute):
        if called:
            raise ValueError(f"functions are not allowed, only methods of columns; {LISTED}")
        return None
    on, name = target.value, target.attr
    if isinstance(on, ast.Attribute) and on.attr in ("str", "dt"):
        name, on = f"{on.attr}.{name}", on.value
    method = METHODS.get(name)
    if method is None:
        accessor = name.rpartition(".")[0]
        listed = [known for known in METHODS if known.rpartition(".")[0] == accessor]
        more = "" if accessor else "; of texts .str.…, of times .dt.…"
        raise ValueError(f"no method {name}; listed are {', '.join(listed)}{more}")
    if method.called != called:
        raise ValueError(f".{name} is written {'with' if method.called else 'without'} brackets")
    return Call(on, name, method, _given(node, name, method) if isinstance(node, ast.Call) else {})


def constant(node: ast.expr) -> Any:
    """Return the value of a constant, a number with its sign; ValueError for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = constant(node.operand)
        if isinstance(value, bool | str):
            raise ValueError(f"got {shown(node)}, a sign is for numbers")
        return -value if isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.Constant):
        raise ValueError(f"got {shown(node)}, wanted a constant")
    if not isinstance(node.value, str | bool | int | float):
        raise ValueError(f"no {node.value!r}; use .isna() for missing values; {LISTED}")
    if isinstance(node.value, str):
        return constants.text(node.value)
    return constants.number(node.value)


def values(node: ast.expr) -> list[Any] | None:
    """Return the constants of a list, or None if the node is not a list; ValueError if empty."""
    if not isinstance(node, _LISTS):
        return None
    if not node.elts:
        raise ValueError("a list is empty, wanted constants such as ['a', 'b']")
    return [constant(item) for item in node.elts]


def shown(node: ast.expr) -> str:
    """Return a node as text, for a message."""
    return "a nested part" if deeper(node, 20) else ast.unparse(node)


def deeper(tree: ast.AST, most: int) -> bool:
    """Return whether a tree has more levels than `most`."""
    level: list[ast.AST] = [tree]
    for _ in range(most):
        level = [inner for node in level for inner in ast.iter_child_nodes(node)]
    return bool(level)


def _pieces(text: str, quoted: dict[str, str]) -> Iterator[str]:
    for piece in _PIECE.finditer(text):
        token = piece.group()
        if piece.lastgroup == "text":
            yield _ESCAPE.sub(_escaped, token)
        elif piece.lastgroup == "column":
            # Not a Python name: use a stand-in that no column may have.
            stand_in = f"_{len(quoted)}_"
            quoted[stand_in] = token[1:-1]
            yield f" {stand_in} "
        elif piece.lastgroup in ("and", "or"):
            yield f" {piece.lastgroup} "
        elif "#" in token:
            raise ValueError(f"comments are not allowed; {LISTED}")
        else:
            yield re.sub(r"[\r\n]", " ", token)


def _escaped(match: re.Match[str]) -> str:
    known = match[1] in _KNOWN_ESCAPES
    return match.group() if known else f"\\{match.group()}"


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:200]}…")


def _look(tree: ast.expr) -> None:
    """Raise ValueError for any node that is not listed."""
    for inner in _inner(tree):
        _look(inner)


def _inner(node: ast.expr) -> list[ast.expr]:
    """Return the operands of a listed node; ValueError for any other."""
    match node:
        case ast.Name():
            return []
        case ast.Constant():
            constant(node)
            return []
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub() | ast.UAdd()):
            return [node.operand]
        case ast.BinOp() if isinstance(node.op, _ARITHMETIC):
            return [node.left, node.right]
        case ast.BoolOp():
            return node.values
        case ast.Compare() if all(isinstance(item, _COMPARISONS) for item in node.ops):
            return _compared(node)
        case ast.Call() | ast.Attribute():
            called = call(node)
            assert called is not None
            operands = {p.name for p in called.method.takes if p.wanted == "operand"}
            return [called.on, *(v for name, v in called.given.items() if name in operands)]
    raise ValueError(f"no {type(node).__name__}; {LISTED}")


def _compared(node: ast.Compare) -> list[ast.expr]:
    operands = [node.left]
    for operation, right in zip(node.ops, node.comparators, strict=True):
        listed = values(right) is not None
        if isinstance(operation, ast.In | ast.NotIn) and not listed:
            raise ValueError("after in, wanted a list of constants such as ['a', 'b']")
        if listed and not isinstance(operation, ast.In | ast.NotIn | ast.Eq | ast.NotEq):
            raise ValueError("a list is allowed only after in, not in, == and !=")
        if listed and len(node.ops) > 1:
            raise ValueError("a list is not allowed in a chain of comparisons; use &")
        operands += [] if listed else [right]
    return operands


def _given(node: ast.Call, name: str, method: Method) -> dict[str, ast.expr]:
    takes = [parameter.name for parameter in method.takes]
    said = f".{name}({', '.join(takes)})"
    if len(node.args) > len(takes):
        raise ValueError(f"{said}: got {len(node.args)} arguments")
    arguments = dict(zip(takes, node.args, strict=False))
    for item in node.keywords:
        if item.arg not in takes or item.arg in arguments:
            why = "given twice" if item.arg in arguments else "not an argument of it"
            raise ValueError(f"{said}: got {item.arg or '**'}=, which is {why}")
        arguments[item.arg] = item.value
    missing = [p.name for p in method.takes if p.needed and p.name not in arguments]
    if missing:
        raise ValueError(f"{said}: {', '.join(missing)} is missing")
    for parameter in method.takes:
        if parameter.name in arguments and parameter.wanted != "operand":
            _argument(said, parameter.wanted, arguments[parameter.name])
    return arguments


def _argument(said: str, wanted: str, node: ast.expr) -> None:
    kinds: dict[str, type] = {"integer": int, "flag": bool, "values": list}
    value = values(node) if wanted == "values" else constant(node)
    right = isinstance(value, kinds.get(wanted, str))
    right = right and isinstance(value, bool) == (wanted == "flag")
    if not right or (wanted == "side" and value not in SIDES):
        raise ValueError(f"{said}: got {shown(node)}, wanted {_WORDS[wanted]}")


_WORDS = {
    "integer": "a whole number",
    "flag": "True or False",
    "values": "a list of constants",
    "text": "a text",
    "pattern": "a regular expression in quotes",
    "side": "both, left, right or neither",
}


class _Finish(ast.NodeTransformer):
    """Put quoted names back, and do arithmetic between constants."""

    def __init__(self, quoted: Mapping[str, str]) -> None:
        self._quoted = quoted

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Return a column by its own name."""
        return ast.Name(self._quoted.get(node.id, node.id), ast.Load())

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        """Return a constant with its sign as one constant."""
        node.operand = self.visit(node.operand)
        signed = isinstance(node.op, ast.USub | ast.UAdd)
        if signed and isinstance(node.operand, ast.Constant):
            return ast.Constant(constants.number(constant(node)))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Return arithmetic between two numbers as a number."""
        node.left, node.right = self.visit(node.left), self.visit(node.right)
        sides = [constant(n) for n in (node.left, node.right) if isinstance(n, ast.Constant)]
        texts = any(isinstance(value, str) for value in sides)
        if len(sides) == 2 and not texts:
            return ast.Constant(constants.combined(node.op, sides[0], sides[1]))
        if texts and (len(sides) == 2 or not isinstance(node.op, ast.Add | ast.Sub | ast.Mult)):
            raise ValueError("arithmetic is for numbers, got a text")
        return node
