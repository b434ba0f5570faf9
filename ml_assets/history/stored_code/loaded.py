"""Stored sources imported into this process, beside the project's own modules.

They are known in `sys.modules` by names of their own, and what they import of one another is the
stored text, whatever the project's files say today. Belongs here: importing. Does not belong here:
which sources an action had (`recorded`), running them in a process of their own (`process`).
"""

from __future__ import annotations

import builtins
import importlib
import sys
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ml_assets.errors import HookError
from ml_assets.history.stored_code.extract import Texts
from ml_assets.moved import moved

OUTSIDE, SHIPPED = "ml_assets", "ml_assets.defs"
"""The package whose modules are the current ones, except the definitions that it ships."""
_importing = threading.RLock()
_loaded: dict[str, StoredModules] = {}


def stored_modules(texts: Texts, digest: str) -> StoredModules:
    """Return the modules of stored sources (by the sources' digest), imported once."""
    with _importing:
        if digest not in _loaded:
            _loaded[digest] = StoredModules(texts, digest)
        return _loaded[digest]


class StoredModules:
    """Modules of one version of a project's code."""

    def __init__(self, texts: Texts, digest: str) -> None:
        self._texts = own(texts)
        self._prefix = f"_stored_{digest.rpartition(':')[2][:16]}"
        self._packages = {
            ".".join(name.split(".")[:end])
            for name in self._texts
            for end in range(1, name.count(".") + 1)
        }
        self._modules: dict[str, ModuleType] = {}

    def function(self, reference: str) -> Any:
        """Return `module:function`; that of an installed package is the installed one.

        Raises HookError if it cannot be imported or is not there.
        """
        name, _, attribute = reference.partition(":")
        member = getattr(self.module(name), attribute, None)
        if not callable(member):
            raise HookError(f"{name}: there is no function {attribute} in the stored sources")
        return member

    def module(self, name: str) -> ModuleType:
        """Return a module by a name that it has or had; HookError if it cannot be imported."""
        name = next((known for known in moved.names(name) if known in self._texts), name)
        with _importing:
            try:
                return self._module(name) if name in self._texts else importlib.import_module(name)
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                raise HookError(f"{name} as it was stored cannot be imported: {said}") from error

    def _module(self, name: str) -> ModuleType:
        if name in self._modules:
            return self._modules[name]
        parent, _, last = name.rpartition(".")
        above = self._module(parent) if parent else None
        made = ModuleType(f"{self._prefix}.{name}")
        made.__file__ = f"{name.replace('.', '/')}.py"
        made.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        if name in self._packages:
            made.__path__ = []
        if name not in self._texts:
            made.__dict__["__getattr__"] = lambda wanted: getattr(
                importlib.import_module(name), wanted
            )
        self._modules[name] = sys.modules[made.__name__] = made
        try:
            exec(compile(self._texts.get(name, ""), made.__file__, "exec"), made.__dict__)
        except BaseException:
            del self._modules[name], sys.modules[made.__name__]
            raise
        if above is not None:
            setattr(above, last, made)
        return made

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Do what an import statement of a stored module asks for."""
        full = self._absolute(name, level, globals or {})
        if not self._is_stored(full) and not any(
            self._is_stored(f"{full}.{item}") for item in fromlist or ()
        ):
            return builtins.__import__(full, None, None, fromlist or (), 0)
        with _importing:
            imported = self._module(full)
            for item in fromlist or ():
                if self._is_stored(f"{full}.{item}") and item not in vars(imported):
                    self._module(f"{full}.{item}")
            return imported if fromlist else self._module(full.partition(".")[0])

    def _is_stored(self, name: str) -> bool:
        return name in self._texts or name in self._packages

    def _absolute(self, name: str, level: int, globals: Mapping[str, Any]) -> str:
        if not level:
            return name
        parts = str(globals["__name__"]).split(".")[1:]
        parts = parts if "__path__" in globals else parts[:-1]
        base = parts[: len(parts) - level + 1]
        return ".".join([*base, *([name] if name else [])])


def own(texts: Texts) -> dict[str, str]:
    """Return the modules that are not the current ones: the project's."""
    return {name: text for name, text in texts.items() if _is_own(name)}


def _is_own(name: str) -> bool:
    if name.split(".", maxsplit=1)[0] != OUTSIDE:
        return True
    return name == SHIPPED or name.startswith(f"{SHIPPED}.")
