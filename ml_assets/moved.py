"""Modules that moved: old names resolve for ever, and the first one is the name in keys.

Stored calls, models in MLflow, pages of a home and hooks name modules. A moved module counts as the
one that it was while its syntax tree is the old one (`keys/code`); edited, it counts as edited.
Belongs here: the list, a line a module (packages too, where they hold code), and how a name
is looked up in it. Never take a line away, and give no other module a name that is in it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Move = tuple[str, str]
MOVES: tuple[Move, ...] = (
    ("ml_assets.adapters.pyfunc", "ml_assets.adapters.mlflow.pyfunc"),
    ("ml_assets.spec.asked", "ml_assets.spec.requests_dataset"),
    ("ml_assets.stages.monitor.asked", "ml_assets.stages.monitor.requests"),
    ("ml_assets.engine.recipes.asked", "ml_assets.engine.recipes.requests_report"),
    ("ml_assets.children.serve", "ml_assets.children.responder"),
    ("ml_assets.children.light", "ml_assets.children.optional"),
    ("ml_assets.store.request_secret", "ml_assets.store.pseudonyms"),
)
"""(old name, new name), oldest first."""


class Moved:
    """What a list of moves says; names are `module` or `module:function`."""

    def __init__(self, moves: Sequence[Move]) -> None:
        self.moves = tuple(moves)
        self._back = {new: old for old, new in moves}
        self._forth = dict(moves)
        old_packages = {old.rpartition(".")[0] for old, _ in moves}
        self._packages = {
            ".".join(package.split(".")[:end])
            for package in old_packages
            for end in range(1, package.count(".") + 2)
        }

    def first(self, name: str) -> str:
        """Return the name that a module had first."""
        return _followed(name, self._back)

    def now(self, name: str) -> str:
        """Return the name that a module has today."""
        return _followed(name, self._forth)

    def names(self, name: str) -> list[str]:
        """Return every name that a module had, the given one first, then the newest first."""
        module, colon, rest = name.partition(":")
        modules = [module, self.now(module)]
        while modules[-1] in self._back:
            modules.append(self._back[modules[-1]])
        return [each + colon + rest for each in dict.fromkeys(modules)]

    def was_package(self, name: str) -> bool:
        """Tell whether a moved module was in a package of this name."""
        return name in self._packages


def _followed(name: str, moves: dict[str, str]) -> str:
    module, colon, rest = name.partition(":")
    while module in moves:
        module = moves[module]
    return module + colon + rest


moved = Moved(MOVES)


class Old(MetaPathFinder):
    """Lets an old name be imported: as the very module that it is now."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how an old name is loaded; None for any other. Asked after all others."""
        there = moved.now(fullname)
        if there != fullname:
            return ModuleSpec(fullname, _Same(there))
        if moved.was_package(fullname):
            return ModuleSpec(fullname, None, is_package=True)
        return None


class _Same(Loader):
    def __init__(self, there: str) -> None:
        self._there = there
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self._there)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # It ran under its own name; what the import of an alias put there is put right.
        module.__spec__ = self._spec


def resolve_old_names() -> None:
    """Let old names be imported in this process, once."""
    if MOVES and not any(isinstance(finder, Old) for finder in sys.meta_path):
        sys.meta_path.append(Old())
