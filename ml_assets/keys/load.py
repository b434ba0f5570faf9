"""Imports stages and hooks, ensuring that the imported code is what was hashed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_assets.errors import CodeChanged, HookError
from ml_assets.keys.code import Module, Sources
from ml_assets.startup import STARTED
from ml_assets.workspace import Workspace

_imported: dict[str, str] = {}
"""The digest of each first-party module's source when this process imported it."""
_importing = threading.RLock()
"""One import at a time: a second one would see modules that are not recorded yet."""


def function(reference: str, closure: Mapping[str, Module], workspace: Workspace) -> Any:
    """Return the function `module:name`, or the module itself if no name is given.

    Raises CodeChanged if a module was imported from sources that have changed since, and
    HookError if the name is not in the module.
    """
    name, _, attribute = reference.partition(":")
    with _importing:
        _guard(closure)
        module = _import(name, closure, workspace)
        for reached, source in closure.items():
            if reached in sys.modules and reached not in _imported:
                _same_file(sys.modules[reached], source)
                _imported[reached] = source.digest
    if not attribute:
        return module
    member = getattr(module, attribute, None)
    if not callable(member):
        raise HookError(f"{_place(name, closure)}: there is no function {attribute}")
    return member


def unchanged(closure: Mapping[str, Module], sources: Sources) -> None:
    """Raise CodeChanged if any source of a closure changed since it was hashed."""
    if all(module.is_as_read() for module in closure.values()):
        return
    again = sources.closure(closure)
    moved = sorted(n for n, m in again.items() if n not in closure or closure[n].digest != m.digest)
    if moved:
        raise CodeChanged(f"{', '.join(moved)} changed while it ran; the result was discarded")


def _guard(closure: Mapping[str, Module]) -> None:
    """Refuse a module that this process imported from other sources."""
    for name, source in closure.items():
        if name not in sys.modules:
            _drop_suspect_bytecode(source.path)
            continue
        if name in _imported:
            if _imported[name] != source.digest:
                raise CodeChanged(f"{name} changed after this process imported it; restart")
        elif source.stat[1] / 1e9 > STARTED:
            raise CodeChanged(f"{name} changed since this process started; restart")


def _same_file(module: ModuleType, source: Module) -> None:
    """Refuse a module of the same name from another place, whose code was not hashed."""
    file = module.__file__
    if file is None or not source.path.samefile(file):
        raise HookError(f"{source.path}: another {source.name} is imported, from {file}")


def _import(name: str, closure: Mapping[str, Module], workspace: Workspace) -> Any:
    for folder in {str(path.parent) for path in workspace.roots.values()}:
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        return importlib.import_module(name)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise HookError(f"{_place(name, closure)}: cannot be imported: {said}") from error


def _place(name: str, closure: Mapping[str, Module]) -> str:
    """Return the file of a module, or its name if it is of an installed package."""
    return str(closure[name].path) if name in closure else name


def _drop_suspect_bytecode(path: Path) -> None:
    """Remove bytecode that was compiled in the same second in which its source was written.

    Python compares full seconds and sizes, so it would miss a quick edit of equal length.
    """
    cached = Path(importlib.util.cache_from_source(str(path)))
    try:
        if cached.stat().st_mtime - path.stat().st_ctime < 2.0:
            cached.unlink(missing_ok=True)
    except OSError:
        return
