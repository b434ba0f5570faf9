"""Restores a syntax tree to what it was before the modules that it names were moved.

If a module is moved, every importer is edited: the import has another name, and often another
place among the sorted imports. Here the trees before and after become equal, so a move re-runs
nothing. A tree that names no moved module stays as it is. Belongs here: absolute imports, and
strings that consist of a module's name. Anything else (relative imports, `import a.b` and its uses)
counts as an edit.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from ml_assets.keys.tree import nodes
from ml_assets.moved import Moved

Imported = tuple[str, str, str | None]
"""Module, name, and the local name if it differs."""


def before(tree: ast.Module, moved: Moved) -> ast.Module:
    """Give a tree the first names of moved modules, and sort its imports again; return it."""
    if moved.moves:
        restored = _Before(moved)
        for node in nodes(tree):
            restored.change(node)
    return tree


class _Before:
    def __init__(self, moved: Moved) -> None:
        self._moved = moved

    def change(self, node: ast.AST) -> None:
        """Restore the imports among a node's statements, or the name that it is."""
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                node.value = self._moved.first(node.value)
            return
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                setattr(node, name, list(self._statements(body)))

    def _statements(self, body: list[ast.stmt]) -> Iterator[ast.stmt]:
        for own, statements in groupby(body, is_own):
            run = list(statements)
            yield from self._imports(run) if own else run

    def _imports(self, run: list[ast.stmt]) -> Sequence[ast.stmt]:
        now = [item for node in run for item in imported(node)]
        then = [self._first(*item) for item in now]
        return run if then == now else in_order(then)

    def _first(self, module: str, name: str, local: str | None) -> Imported:
        whole = f"{module}.{name}"
        then = self._moved.first(whole)
        if then == whole:
            return self._moved.first(module), name, local
        # The imported name is itself a moved module.
        home, _, first = then.rpartition(".")
        bound = local or name
        return home, first, None if bound == first else bound


def imported(node: ast.stmt) -> Iterator[Imported]:
    """Yield the names imported by a statement for which `is_own` is true."""
    assert isinstance(node, ast.ImportFrom)
    for alias in node.names:
        yield node.module or "", alias.name, alias.asname


def is_own(node: ast.stmt) -> bool:
    """Return whether a statement imports names from modules of this package."""
    if not isinstance(node, ast.ImportFrom) or node.level or node.module is None:
        return False
    return node.module.split(".")[0] == "ml_assets"


def in_order(imports: Iterable[Imported]) -> list[ast.ImportFrom]:
    """Return imports as isort writes them: a statement for each module and for each `as`."""
    plain: dict[str, ast.ImportFrom] = {}
    made: list[ast.ImportFrom] = []
    for module, name, local in sorted(set(imports), key=_place):
        if local is None and module in plain:
            plain[module].names.append(ast.alias(name))
            continue
        made.append(ast.ImportFrom(module, [ast.alias(name, local)], 0))
        if local is None:
            plain[module] = made[-1]
    return made


def _place(item: Imported) -> tuple[object, ...]:
    """Return an import's sort key: modules by name, in them constants, classes, then others."""
    module, name, local = item
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return module, kind, name.lower(), name, local or ""
