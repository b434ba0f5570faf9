"""The digest of a source file's syntax tree, without comments, and its imports.

Parsing takes milliseconds for each file, in every process. So the result is cached beside Python's
own bytecode, in `__pycache__`, by the digest of the source.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ml_assets.keys.before_moves import before
from ml_assets.keys.error_attributes import reads, without
from ml_assets.keys.tree import blocks, statements
from ml_assets.moved import MOVES, moved

_parsing = threading.Lock()
"""One parse at a time: before Python 3.11.8, `ast.parse` may fail in concurrent threads."""
FORMAT = 3
"""Increased with each change of what is digested or listed here."""


@dataclass(frozen=True)
class Syntax:
    """A syntax tree's digest, and (level, name) of all that it imports anywhere.

    The digest uses the first names of moved modules.
    """

    digest: str
    imports: tuple[tuple[int, str], ...]
    bare: str
    """The digest without the declarations in `spare`."""
    spare: frozenset[str]
    reads: frozenset[str]
    """Every attribute name that it may read."""


def parsed(path: Path, source: bytes, text: str) -> Syntax:
    """Return the syntax of a source; raises SyntaxError."""
    kept = Path(importlib.util.cache_from_source(str(path))).with_suffix(".tree.json")
    mark = f"{FORMAT} {_moves()} {hashlib.sha256(source).hexdigest()}"
    syntax = _kept(kept, mark)
    if syntax is None:
        syntax = _parse(text)
        _keep(kept, mark, syntax)
    return syntax


def prepare(folder: Path) -> None:
    """Cache the syntax of all sources in a folder, before it can no longer be written."""
    for path in sorted(folder.rglob("*.py")):
        source = path.read_bytes()
        parsed(path, source, source.decode())


@functools.cache
def _moves() -> str:
    return _checksum(json.dumps(MOVES))


def _kept(path: Path, mark: str) -> Syntax | None:
    """Return the cached result, unless it is of another source, or damaged."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return None
    if len(lines) != 3 or lines[0] != mark or lines[1] != _checksum(lines[2]):
        return None
    digest, imports, bare, *names = json.loads(lines[2])
    return Syntax(
        digest, tuple((level, name) for level, name in imports), bare, *map(frozenset, names)
    )


def _keep(path: Path, mark: str, syntax: Syntax) -> None:
    if sys.dont_write_bytecode:
        return
    names = (sorted(syntax.spare), sorted(syntax.reads))
    body = json.dumps([syntax.digest, syntax.imports, syntax.bare, *names])
    # If the folder is not writable, each process parses again.
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write("\n".join((mark, _checksum(body), body)).encode())
        Path(file.name).replace(path)


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _parse(text: str) -> Syntax:
    with _parsing:
        whole = ast.parse(text)
    tree = _Stripped().visit(whole)
    imports = tuple(sorted(set(imports_of(tree))))
    tree = before(tree, moved)
    bare, spare = without(tree)
    digest = _digest(tree)
    return Syntax(digest, imports, _digest(bare) if spare else digest, spare, reads(bare, text))


def _digest(tree: ast.Module) -> str:
    return _checksum(ast.dump(tree, annotate_fields=False))


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield level and name of every module that a tree imports anywhere."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield node.level, module
            for alias in node.names:
                yield node.level, f"{module}.{alias.name}" if module else alias.name


class _Stripped(ast.NodeTransformer):
    """Drops docstrings, and imports that are only for type checkers."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        body = getattr(node, "body", None)
        holds_docstring = isinstance(
            node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        )
        if holds_docstring and body and _is_text(body[0]):
            node.body = body[1:]  # type: ignore[attr-defined]
        if isinstance(node, ast.Module | ast.ClassDef):
            # A string alone after an attribute is its docstring.
            node.body = [item for item in node.body if not _is_text(item)]
        for block in blocks(node):
            seen = [self.visit(item) for item in block]
            block[:] = chain.from_iterable(
                item if isinstance(item, list) else [item] for item in seen
            )
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        test = node.test
        name = test.id if isinstance(test, ast.Name) else getattr(test, "attr", None)
        if name != "TYPE_CHECKING":
            return self.generic_visit(node)
        kept = ast.Module(node.orelse, [])
        self.generic_visit(kept)
        return kept.body


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


EMPTY = _parse("").digest
"""The digest of a module without code."""
