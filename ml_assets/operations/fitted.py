"""Turns a stored model back into one that can predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.engine.plan import Planner
from ml_assets.keys import load
from ml_assets.keys.code import Sources
from ml_assets.keys.families import FAMILIES


def family_of(planner: Planner, group: str, document: Mapping[str, Any]) -> Any:
    """Import the module of a model document's family, which may be the user's own.

    Raises HookError if it cannot be imported.
    """
    if document["family"] == "custom":
        module = planner.workspace.hook(group, document["source"]).split(":")[0]
    else:
        module = FAMILIES[document["family"]]
    closure = Sources(planner.workspace.roots).closure([module])
    return load.function(module, closure, planner.workspace)
