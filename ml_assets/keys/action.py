"""Actions: one call of one stage function, and the key by which its result is cached.

    recipe = digest(code closure, sub-spec, environment)
    key    = digest(recipe, input digests)

Actions with the same recipe differ only in their data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from ml_assets.assets.cells import Cell
from ml_assets.keys import fields
from ml_assets.keys.code import Module, Sources, digests
from ml_assets.keys.libraries import environment
from ml_assets.moved import moved
from ml_assets.store.digest import bytes_digest, json_digest
from ml_assets.store.objects import Ref


@dataclass(frozen=True)
class Pending:
    """An output that is unknown until the cells that it depends on have run."""

    cells: tuple[Cell, ...]
    certain: bool = False
    """Whether its action is certain to run (and no early cutoff is possible)."""


Input = Ref | Pending | None | Mapping[str, "Input"] | list["Input"]
Hooks = str | Mapping[str, str]


@dataclass(frozen=True)
class Action:
    """One call of a stage function: `stage(params, **inputs, **hooks)`."""

    part: str
    """Its name within its unit: `ingest`, `fit:lightgbm`, `check:contract`."""
    stage: str
    """`module:function`."""
    params: BaseModel
    inputs: Mapping[str, Input] = field(default_factory=dict)
    hooks: Mapping[str, Hooks] = field(default_factory=dict)
    """Functions (`module:function`) or whole modules (`module`) passed to the stage."""
    makes: str | None = None
    """The asset of its unit whose content it produces; by default the unit's first."""
    boundary: str | None = None
    """The output that the orchestrator's type check is applied to."""

    def modules(self) -> list[str]:
        """Return the modules where the code closure starts."""
        names = [self.stage.split(":")[0]]
        for hook in self.hooks.values():
            references = [hook] if isinstance(hook, str) else list(hook.values())
            names += [reference.split(":")[0] for reference in references]
        return names


def pending_in(tree: Input) -> Iterator[Pending]:
    """Yield every pending leaf of an input."""
    if isinstance(tree, Pending):
        yield tree
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from pending_in(item)
    elif isinstance(tree, list):
        for item in tree:
            yield from pending_in(item)


def digests_in(tree: Input) -> Any:
    """Return an input with every reference replaced by its digest; pending ones by "?"."""
    if isinstance(tree, Ref):
        return tree.digest
    if isinstance(tree, Pending):
        return "?"
    if isinstance(tree, Mapping):
        # A list of pairs: the order of named inputs is part of the call.
        return [[name, digests_in(item)] for name, item in tree.items()]
    if isinstance(tree, list):
        return [digests_in(item) for item in tree]
    return None


@dataclass(frozen=True)
class Code:
    """What an action's result depends on besides its params and inputs."""

    closure: Mapping[str, Module]
    ingredients: Mapping[str, Any]


@dataclass(frozen=True)
class Keyed:
    """An action with all that its key depends on; a session holds thousands of these."""

    action: Action
    code: Code
    order: str
    """The digest of the params in their written order: the order of columns, families and metrics
    counts, but a JSON digest sorts keys."""
    recipe: str

    @property
    def closure(self) -> Mapping[str, Module]:
        """The modules of the code closure, by name."""
        return self.code.closure

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The digests of the inputs by name, pending ones as "?"."""
        return {name: digests_in(tree) for name, tree in sorted(self.action.inputs.items())}

    @property
    def ingredients(self) -> Mapping[str, Any]:
        """All that the key depends on, computed on access because params are large."""
        return {**_fixed(self.action, self.code, self.order), "inputs": self.inputs}

    @cached_property
    def key(self) -> str:
        """The action key; only for an action without pending inputs."""
        return json_digest([self.recipe, self.inputs])

    @property
    def pending(self) -> list[Pending]:
        """The inputs that are still unknown."""
        return [leaf for tree in self.action.inputs.values() for leaf in pending_in(tree)]


@dataclass(frozen=True)
class Hashed:
    """Digests computed so far: actions of many batches share a recipe, or all but its params."""

    codes: dict[tuple[str, str], Code] = field(default_factory=dict)
    recipes: dict[tuple[str, str, str], str] = field(default_factory=dict)


def keyed(action: Action, sources: Sources, hashed: Hashed | None = None) -> Keyed:
    """Hash what an action's result depends on; sources are read, not imported.

    For each stage in `hashed`, sources are read only once.
    """
    hashed = Hashed() if hashed is None else hashed
    order = bytes_digest(fields.text(action.params).encode())
    place = (action.stage, json.dumps(dict(action.hooks), sort_keys=True))
    if place not in hashed.codes:
        hashed.codes[place] = _code(action, sources)
    code = hashed.codes[place]
    if (*place, order) not in hashed.recipes:
        hashed.recipes[*place, order] = json_digest(_fixed(action, code, order))
    return Keyed(action, code, order, hashed.recipes[*place, order])


def _code(action: Action, sources: Sources) -> Code:
    closure = sources.closure(action.modules())
    ingredients = {
        "stage": moved.first(action.stage),
        "hooks": {name: _first(hook) for name, hook in sorted(action.hooks.items())},
        "code": digests(closure),
        "environment": environment(sources.libraries(action.modules())),
    }
    return Code(closure, ingredients)


def _first(hook: Hooks) -> Hooks:
    if isinstance(hook, str):
        return moved.first(hook)
    return {name: moved.first(one) for name, one in hook.items()}


def _fixed(action: Action, code: Code, order: str) -> dict[str, Any]:
    """Return the document whose digest is the recipe."""
    return {**code.ingredients, "params": fields.document(action.params), "order": order}
