"""The static graph of assets, without batches."""

from __future__ import annotations

from operator import attrgetter

from ml_assets.assets.registry import ASSETS, BY_NAME, KINDS, Asset, Owner
from ml_assets.spec.project import Project


def asset_keys(project: Project) -> list[str]:
    """Return every asset key, datasets first, each group in data-flow order."""
    return [
        f"{group}/{asset.name}" for group in groups(project) for asset in assets_of(project, group)
    ]


def groups(project: Project) -> list[str]:
    """Return the names of all datasets of the project's own, then of all models."""
    return [*project.own, *project.models]


def owner_of(project: Project, group: str) -> Owner:
    """Return whether a group is a dataset or a model."""
    return "dataset" if group in project.datasets else "model"


def model_of(project: Project, group: str) -> str:
    """Return the model of a group: itself, or of a dataset of requests the model that was asked."""
    return project.requests.get(group, group)


def assets_of(project: Project, group: str) -> list[Asset]:
    """Return the assets of a dataset or model, in data-flow order; those that it asks for."""
    owner, model = owner_of(project, group), project.models.get(model_of(project, group))
    return [
        asset
        for asset in ASSETS
        if asset.owner == owner or (asset.of_requests and group in project.requests)
        if not asset.declared_by or attrgetter(asset.declared_by)(model)
    ]


def kinds_of(project: Project, group: str) -> list[str]:
    """Return the kinds of unit of a dataset or model, in the order of a run."""
    mine = {asset.unit.name for asset in assets_of(project, group) if asset.unit is not None}
    return [kind for kind in KINDS if kind in mine]


def entry_of(asset: str) -> Asset:
    """Return the entry of an asset key."""
    return BY_NAME[asset.split("/")[1]]


def edges(project: Project) -> dict[str, tuple[str, ...]]:
    """Return asset key -> keys of the assets it depends on, in data-flow order."""
    return {asset: sources_of(project, asset) for asset in asset_keys(project)}


def sources_of(project: Project, asset: str, implied: bool = True) -> tuple[str, ...]:
    """Return the keys of the assets that an asset depends on.

    Without `implied`, dependencies that follow from others are left out.
    """
    entry, group = entry_of(asset), asset.split("/", maxsplit=1)[0]
    asked = entry.of_requests and group in project.requests
    return tuple(
        key
        for source in (entry.of_requests if asked else entry.sources)
        if implied or source not in entry.implied
        for key in _keys(project, group, source)
    )


def _keys(project: Project, group: str, source: str) -> list[str]:
    """Return the asset keys that an entry's source stands for."""
    whose, _, name = source.rpartition("/")
    if whose == "dataset":
        return [f"{project.models[group].dataset}/{name}"]
    if whose == "joins":
        return [f"{join.dataset}/{name}" for join in project.models[group].joins]
    if whose == "model":
        return [f"{model_of(project, group)}/{name}"]
    if BY_NAME[name] not in assets_of(project, group):
        return []
    return [f"{group}/{name}"]


def partitioned(project: Project, asset: str) -> bool:
    """Return whether an asset has a partition for each batch."""
    group = asset.split("/", maxsplit=1)[0]
    return entry_of(asset).batched and project.calendar_of(group) is not None


def walk(graph: dict[str, tuple[str, ...]], start: set[str], depth: int | None) -> set[str]:
    """Return assets reachable from `start` in at most `depth` steps (None: any number)."""
    reached, edge, steps = set(start), set(start), 0
    while edge and (depth is None or steps < depth):
        edge = {other for asset in edge for other in graph.get(asset, ())} - reached
        reached |= edge
        steps += 1
    return reached


def reverse(graph: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return asset key -> the assets that depend on it."""
    dependents: dict[str, list[str]] = {asset: [] for asset in graph}
    for asset, sources in graph.items():
        for source in sources:
            # Of another project's asset: it is no part of this graph.
            if source in dependents:
                dependents[source].append(asset)
    return {asset: tuple(others) for asset, others in dependents.items()}
