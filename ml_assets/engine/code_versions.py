"""Code versions for Dagster: digests of what an asset depends on besides data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ml_assets.assets.edges import asset_keys, groups, kinds_of
from ml_assets.assets.registry import KINDS, function
from ml_assets.keys import fields
from ml_assets.keys.code import Snapshot, Sources, digests
from ml_assets.keys.libraries import environment
from ml_assets.spec.project import Project
from ml_assets.store.digest import json_digest
from ml_assets.workspace import Workspace


@dataclass(frozen=True)
class Versioned:
    """The ingredients of a unit's code version, which its recipe's module lists."""

    modules: Sequence[str]
    """The modules of its stages and hooks; their closure counts."""
    params: Sequence[BaseModel] = ()


def definitions_digest(project: Project, workspace: Workspace) -> str:
    """Return a digest of what Dagster loads: asset keys and their code versions."""
    sources = Snapshot(workspace.roots)
    versions = {g: dict(code_versions(project, workspace, g, sources)) for g in groups(project)}
    return json_digest([sorted(asset_keys(project)), versions])


def code_versions(
    project: Project, workspace: Workspace, group: str, sources: Sources | None = None
) -> Mapping[str, str]:
    """Return kind of unit -> digest of its code, sub-specs and environment.

    `sources` shares what is read between groups; by default it is read now.
    """
    sources = sources or Snapshot(workspace.roots)
    return {
        name: _digest(sources, function(KINDS[name].code)(project, workspace, group))
        for name in kinds_of(project, group)
    }


def _digest(sources: Sources, versioned: Versioned) -> str:
    closure = sources.closure(versioned.modules)
    document: list[Any] = [
        digests(closure),
        environment(sources.libraries(versioned.modules)),
        [fields.document(params) for params in versioned.params],
    ]
    return json_digest(document)[3:19]
