"""Masking sensitive values in messages of user code.

Belongs here: the values in an action's inputs, and texts without them. Does not belong here:
which columns are sensitive (`sensitive`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ml_assets.engine.sensitive import hidden_columns, masked, seen
from ml_assets.keys.action import Action
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref


def values(home: Home, project: Project, group: str, action: Action) -> set[str]:
    """Return, as text, every value of a hidden column in the tables that an action reads."""
    names = _names(home, project, group)
    texts: set[str] = set()
    for ref in _refs(dict(action.inputs)) if names else ():
        if ref.kind != "table":
            continue
        there = home.objects.head(ref.digest, 1, sorted(names)).column_names
        if there:
            for column in home.objects.table(ref.digest, there).columns:
                texts |= {str(value) for value in column.unique().to_pylist()}
    # Values that identify nobody.
    return texts - {"None", "True", "False"}


def without(said: Any, hidden: set[str]) -> Any:
    """Return a check's result with the values masked in every text."""
    if isinstance(said, str):
        return masked(said, hidden)
    if isinstance(said, list):
        return [without(item, hidden) for item in said]
    if isinstance(said, dict):
        return {masked(name, hidden): without(item, hidden) for name, item in said.items()}
    return said


def _names(home: Home, project: Project, group: str) -> set[str]:
    """Return the hidden columns of a dataset, or of a model and all that it depends on."""
    if group not in project.models:
        return set(hidden_columns(project, group, {})) if group in project.datasets else set()
    model = project.models[group]
    datasets = (model.dataset, *(join.dataset for join in model.joins))
    hidden = set(hidden_columns(project, group, seen(home, project, group)))
    return hidden.union(*(hidden_columns(project, name, {}) for name in datasets))


def _refs(tree: Any) -> Iterator[Ref]:
    if isinstance(tree, Ref):
        yield tree
    elif isinstance(tree, dict):
        for item in tree.values():
            yield from _refs(item)
    elif isinstance(tree, list):
        for item in tree:
            yield from _refs(item)
