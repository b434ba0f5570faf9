"""Digests of code: the syntax trees of every first-party module that a function can reach.

Comments, docstrings, formatting and `if TYPE_CHECKING:` blocks are left out. Nothing is
imported to compute a digest.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_assets.errors import HookError

OUTSIDE = frozenset({"ml_assets"})
"""Packages whose own __init__ is in no closure: it only re-exports, lazily."""
_parsing = threading.Lock()
"""One parse at a time: before Python 3.11.8 `ast.parse` fails at random in two threads."""


@dataclass(frozen=True)
class Module:
    """One source file as read: its digest, what it imports, its text."""

    name: str
    path: Path
    stat: tuple[int, int, int]
    digest: str
    first_party: frozenset[str]
    third_party: frozenset[str]
    text: str


_modules: dict[tuple[str, Path, tuple[str, ...]], Module] = {}
"""What was read in this process; a module's imports are sorted by the first-party packages."""


class Sources:
    """First-party sources, read at most once for each state of a file."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = roots

    def closure(self, modules: Iterable[str]) -> dict[str, Module]:
        """Return every first-party module reachable from these, by name."""
        found: dict[str, Module] = {}
        waiting = sorted(set(modules))
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            module = self._module(name)
            if module is None:
                raise HookError(f"no source file for module {name}")
            found[name] = module
            parents = [".".join(name.split(".")[:n]) for n in range(1, name.count(".") + 1)]
            for other in (*sorted(module.first_party), *parents):
                known = other not in found and other not in OUTSIDE
                if known and self._path(other) is not None:
                    waiting.append(other)
        return found

    def _path(self, name: str) -> Path | None:
        top, *rest = name.split(".")
        if top not in self._roots:
            return None
        base = self._roots[top].joinpath(*rest)
        for path in (base.with_name(base.name + ".py") if rest else None, base / "__init__.py"):
            if path is not None and path.is_file():
                return path
        return None

    def _module(self, name: str) -> Module | None:
        path = self._path(name)
        if path is None:
            return None
        info = path.stat()
        stat = (info.st_mtime_ns, info.st_ctime_ns, info.st_size)
        place = (name, path, tuple(sorted(self._roots)))
        known = _modules.get(place)
        if known is None or known.stat != stat:
            known = _modules[place] = self._read(name, path, stat)
        return known

    def _read(self, name: str, path: Path, stat: tuple[int, int, int]) -> Module:
        try:
            text = importlib.util.decode_source(path.read_bytes())
            with _parsing:
                parsed = ast.parse(text)
            tree = _Stripped().visit(parsed)
        except SyntaxError as error:
            raise HookError(f"{path}:{error.lineno or 1}: {error.msg}") from error
        except UnicodeDecodeError as error:
            raise HookError(f"{path}: not {error.encoding} text: {error.reason}") from error
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imported = imported_by(tree, package)
        first = {other for other in imported if other.split(".")[0] in self._roots}
        third = {other.split(".")[0] for other in imported - first}
        return Module(
            name,
            path,
            stat,
            hashlib.sha256(ast.dump(tree, annotate_fields=False).encode()).hexdigest(),
            frozenset(first),
            frozenset(third - sys.stdlib_module_names),
            text,
        )


def imported_by(tree: ast.AST, package: str) -> set[str]:
    """Return the absolute names of all modules that a tree may import, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


class Snapshot(Sources):
    """Sources as they were when they were first looked at: each closure is read once."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        super().__init__(roots)
        self._closures: dict[frozenset[str], dict[str, Module]] = {}

    def closure(self, modules: Iterable[str]) -> dict[str, Module]:
        """Return every first-party module reachable from these, by name."""
        wanted = frozenset(modules)
        if wanted not in self._closures:
            self._closures[wanted] = super().closure(wanted)
        return self._closures[wanted]


class _Stripped(ast.NodeTransformer):
    """Drops docstrings and imports that exist for type checkers alone."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        body = getattr(node, "body", None)
        holds_docstring = isinstance(
            node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        )
        if holds_docstring and body and _is_text(body[0]):
            node.body = body[1:]  # type: ignore[attr-defined]
        if isinstance(node, ast.Module | ast.ClassDef):
            # A bare text after an attribute is its docstring.
            node.body = [item for item in node.body if not _is_text(item)]
        return super().generic_visit(node)

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
