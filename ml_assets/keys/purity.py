"""What looks impure in a project's hooks: clocks, unseeded randomness, network, files.

A hook's result is cached by its code and inputs; anything else that it reads is not in the key.
Names are resolved through the imports in the syntax tree. Nothing is imported or run, so other ways
of reaching a function are not detected; `ml-assets run --verify` detects their effect. Lines ending
in `# pure: WHY` are accepted. Belongs here: finding and describing. Does not belong here: refusing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ml_assets.errors import HookError
from ml_assets.keys import suspects
from ml_assets.keys.code import Module, Sources
from ml_assets.keys.foreign import is_own
from ml_assets.keys.hooks import hooks
from ml_assets.keys.libraries import is_installed, places
from ml_assets.keys.syntax import imports_of
from ml_assets.spec.project import Project
from ml_assets.workspace import Workspace

ALLOWED = "# pure:"


@dataclass(frozen=True, order=True)
class Impurity:
    """One place in a project's code that looks impure."""

    file: str
    line: int
    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what} {self.reason}"


def impurities(workspace: Workspace, project: Project) -> list[Impurity]:
    """Return what looks impure in every hook of a project and in its first-party imports."""
    sources = Sources(workspace.roots)
    own: dict[str, Module] = {}
    for hook in sorted({hook.split(":")[0] for hook in hooks(workspace, project)}):
        # The action that needs a missing or invalid file reports it, without stopping others.
        with suppress(HookError):
            closure = sources.closure([hook])
            own |= {name: module for name, module in closure.items() if is_own(workspace, name)}
    impure = {item for module in own.values() for item in look(module.text, module.path)}
    return sorted(impure | {item for module in own.values() for item in _elsewhere(module)})


def _elsewhere(module: Module) -> Iterator[Impurity]:
    """Yield imports of code that is neither the project's, nor Python's own, nor installed."""
    elsewhere = {name for name in module.third_party if not all(map(is_installed, places(name)))}
    lines = module.text.splitlines()
    for node in ast.walk(ast.parse(module.text)) if elsewhere else ():
        if isinstance(node, ast.Import | ast.ImportFrom) and ALLOWED not in lines[node.lineno - 1]:
            tops = {name.split(".")[0] for level, name in imports_of(node) if not level}
            for name in sorted(tops & elsewhere):
                yield Impurity(str(module.path), node.lineno, f"import {name}", suspects.CODE)


def look(text: str, path: Path) -> Iterator[Impurity]:
    """Yield what looks impure in a source file."""
    lines = text.splitlines()
    tree = ast.parse(text)
    names = _imported(tree)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        verdict = _judge(node, calls.get(id(node)), names)
        if verdict is not None and ALLOWED not in lines[node.lineno - 1]:
            yield Impurity(str(path), node.lineno, *verdict)


def _imported(tree: ast.AST) -> dict[str, str]:
    """Return local name -> the imported name (`pd` -> `pandas`)."""
    imports: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                imports[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return imports


def _judge(
    node: ast.Name | ast.Attribute, call: ast.Call | None, names: dict[str, str]
) -> tuple[str, suspects.Reason] | None:
    shown = ast.unparse(node)
    full = _full(node, names)
    if full is not None:
        method = suspects.METHODS.get(full.rpartition(".")[2]) if call is not None else None
        reason = _named(full, call) or method
        return None if reason is None else (shown, reason)
    if call is None:
        return None
    if isinstance(node, ast.Name):
        return (shown, suspects.BUILTINS[node.id]) if node.id in suspects.BUILTINS else None
    if node.attr == "sample" and not _seeded(call):
        return f".{node.attr}()", suspects.CHANCE
    return (
        (f".{node.attr}()", suspects.METHODS[node.attr]) if node.attr in suspects.METHODS else None
    )


def _full(node: ast.AST, names: dict[str, str]) -> str | None:
    """Return the dotted name of an expression; None if it does not start with an import."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _full(node.value, names)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def _named(full: str, call: ast.Call | None) -> suspects.Reason | None:
    if full in suspects.NAMES:
        return suspects.NAMES[full]
    if full in suspects.SEEDED:
        return suspects.CHANCE if call is None or not (call.args or call.keywords) else None
    chance = full.startswith(("numpy.random.", "random."))
    if chance and full not in suspects.PLAIN:
        return suspects.CHANCE
    for prefix, reason in suspects.PREFIXES.items():
        if full.startswith(prefix):
            return reason
    # `import urllib.request` alone is not a use; calling its functions is.
    module = next((name for name in suspects.MODULES if full.startswith(f"{name}.")), None)
    return None if module is None else suspects.MODULES[module]


def _seeded(call: ast.Call) -> bool:
    return any(word.arg in ("random_state", "seed", None) for word in call.keywords)
