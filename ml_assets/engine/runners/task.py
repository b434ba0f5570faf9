"""An action as a task: all that a worker needs, in names and digests.

Belongs here: the document. Does not belong here: running it (`remote`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_assets.engine.runners.remote import PROTOCOL
from ml_assets.errors import HookError
from ml_assets.keys.action import Keyed
from ml_assets.keys.calls import call_text, digests_of
from ml_assets.keys.code import Sources
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace

SHIPPED = ("stages", "spec")
"""The folders of ml_assets in which stages and their parameters are."""


class Tasks:
    """Makes tasks of one run: with all the code that it can reach, so that a process has it all."""

    def __init__(self, workspace: Workspace, home: Home, sources: Sources) -> None:
        self._home = home
        self._sources = sources
        self._texts: dict[str, str] = {}
        self._digest = ""
        try:
            closure = sources.closure([*_modules(workspace)])
            self._texts = {name: module.text for name, module in closure.items()}
        except HookError:
            # Some file of the project is no code: what an action needs comes with it.
            self._texts = {}

    def task(self, item: Keyed) -> dict[str, Any]:
        """Return the task of an action without pending inputs; DamagedObject if one is lost."""
        call = call_text(item.action)
        needed = [d for tree in json.loads(call)["inputs"].values() for d in digests_of(tree)]
        sources = self._shipped(item)
        return {
            "protocol": PROTOCOL,
            "call": call,
            "sources": sources,
            "files": self._home.objects.recorded([*dict.fromkeys(needed), sources]),
            "libraries": dict(item.code.ingredients["environment"]),
            "objects": str(self._home.objects.shown),
        }

    def _shipped(self, item: Keyed) -> str:
        kind = type(item.action.params).__module__
        modules = {**self._sources.closure([kind]), **item.closure}
        texts = {name: module.text for name, module in modules.items()}
        if not self._digest or any(self._texts.get(n) != text for n, text in texts.items()):
            self._texts = {**self._texts, **texts}
            self._digest = self._home.objects.put(dict(sorted(self._texts.items()))).digest
        return self._digest


def _modules(workspace: Workspace) -> Iterator[str]:
    """Yield the modules in which stages, specs and the project's own functions are."""
    package = workspace.roots["ml_assets"]
    for part in SHIPPED:
        yield from _below(package / part, f"ml_assets.{part}")
    yield from _below(workspace.defs, workspace.module)


def _below(folder: Path, name: str) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        yield ".".join([name, *(part for part in parts if part != "__init__")])
