"""The functions that a project's YAML names, and which of them do not exist.

They are read from the syntax tree; nothing is imported or run. Belongs here: finding and describing
them. Does not belong here: refusing. The action that needs a missing function fails, without
stopping others.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ml_assets.errors import HookError
from ml_assets.faults import suggest
from ml_assets.keys.code import Sources
from ml_assets.spec.families import Custom
from ml_assets.spec.project import Project
from ml_assets.workspace import Workspace

FAMILY = ("fit", "refit", "predict")
"""What the file of a user's own family must define."""


def hooks(workspace: Workspace, project: Project) -> Iterator[str]:
    """Yield `module:function` of every function that a project's YAML names."""
    for name, dataset in project.own.items():
        for hook in dataset.checks.values():
            yield workspace.hook(name, hook)
    for name, model in project.models.items():
        function = model.features.function
        own = [] if function is None else [function]
        metrics = filter(None, model.evaluation.metrics.values())
        for hook in (*own, *model.checks.values(), *metrics):
            yield workspace.hook(name, hook)
        for family in model.training.families.values():
            if isinstance(family, Custom):
                module = workspace.hook(name, family.module).split(":")[0]
                yield from (f"{module}:{function}" for function in FAMILY)


def absent(workspace: Workspace, project: Project) -> list[str]:
    """Return the named functions that do not exist, each with its file and the nearest name."""
    sources, problems = Sources(workspace.roots), []
    for hook in sorted(set(hooks(workspace, project))):
        module, function = hook.split(":")
        # The action that needs a file reports if it is missing or not Python.
        with suppress(HookError):
            closure = sources.closure([module])
            path = closure[module].path if module in closure else installed(module)
            names = _bound(ast.parse(path.read_bytes())) if path is not None else {"*"}
            if function not in names and "*" not in names:
                defined = [name for name in names if not name.startswith("_")]
                problems.append(
                    f"{path}: there is no function {function}{suggest(function, defined)}"
                )
    return problems


def installed(module: str) -> Path | None:
    """Return the source of an installed package's module, without importing it; None if none."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or spec.origin is None or not spec.has_location:
        # Python itself has modules without a file: their origin is `frozen` or `built-in`.
        return None
    if not rest:
        return Path(spec.origin)
    base = Path(spec.origin).parent.joinpath(*rest)
    candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _bound(tree: ast.Module) -> set[str]:
    """Return every name that a module may bind, functions within functions included."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
