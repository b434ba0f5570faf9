"""The call of an action as one text, from which it can be repeated.

An action's key holds digests and sorted keys. A call needs more: the class of its params, the
order of columns, families and hooks, and whether an empty input is a mapping or a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ml_assets.keys.action import Action, Input
from ml_assets.store.objects import Ref


def call_text(action: Action) -> str:
    """Return an action (without pending inputs) as JSON; the order of keys counts."""
    kind = type(action.params)
    document = {
        "stage": action.stage,
        "spec": f"{kind.__module__}:{kind.__qualname__}",
        "params": action.params.model_dump(mode="json"),
        "inputs": {name: _tree(tree) for name, tree in action.inputs.items()},
        "hooks": dict(action.hooks),
    }
    return json.dumps(document, ensure_ascii=False)


def _tree(tree: Input) -> Any:
    if isinstance(tree, Ref):
        return tree.digest
    if isinstance(tree, Mapping):
        return {name: _tree(item) for name, item in tree.items()}
    if isinstance(tree, list):
        return [_tree(item) for item in tree]
    return None


def digests_of(tree: Any) -> list[str]:
    """Return the distinct digests in the inputs of a call, in order."""
    if isinstance(tree, str):
        return [tree]
    items = tree.values() if isinstance(tree, Mapping) else tree or ()
    return list(dict.fromkeys(digest for item in items for digest in digests_of(item)))
