"""Which asset is made from which: the static graph, before batches are looked at."""

from __future__ import annotations

from ml_assets.spec.project import Project


def edges(project: Project) -> dict[str, tuple[str, ...]]:
    """Return asset key -> the asset keys it is made from, in data-flow order."""
    found: dict[str, tuple[str, ...]] = {}
    for name in project.datasets:
        found[f"{name}/landing"] = ()
        found[f"{name}/raw"] = (f"{name}/landing",)
        found[f"{name}/cleaned"] = (f"{name}/raw",)
        found[f"{name}/quarantine"] = (f"{name}/raw",)
        batch = (f"{name}/raw", f"{name}/cleaned", f"{name}/quarantine")
        found[f"{name}/quality_report"] = batch
    for name, model in project.models.items():
        joined = tuple(f"{join.dataset}/cleaned" for join in model.joins)
        found[f"{name}/features"] = (f"{model.dataset}/cleaned", *joined)
        folds = tuple(f"{name}/{fold}_split" for fold in ("train", "validation", "test"))
        for fold in folds:
            found[fold] = (f"{name}/features",)
        found[f"{name}/candidate"] = (f"{name}/features", *folds[:2])
        found[f"{name}/evaluation_report"] = (f"{name}/features", f"{name}/candidate", *folds)
        judged = (f"{name}/candidate", f"{name}/evaluation_report")
        found[f"{name}/champion"] = (f"{name}/features", *judged, *folds)
        found[f"{name}/release"] = (
            f"{name}/features",
            *judged,
            f"{name}/champion",
        )
    return found


def partitioned(project: Project, asset: str) -> bool:
    """Tell whether an asset has a partition for each batch."""
    group, name = asset.split("/")
    if group in project.models:
        return name == "features" and project.calendar_of(group) is not None
    return project.datasets[group].calendar is not None


def walk(graph: dict[str, tuple[str, ...]], start: set[str], depth: int | None) -> set[str]:
    """Return assets reachable from `start` in at most `depth` steps (None: any number)."""
    reached, edge, steps = set(start), set(start), 0
    while edge and (depth is None or steps < depth):
        edge = {other for asset in edge for other in graph.get(asset, ())} - reached
        reached |= edge
        steps += 1
    return reached


def reverse(graph: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return asset key -> the assets made from it."""
    found: dict[str, list[str]] = {asset: [] for asset in graph}
    for asset, sources in graph.items():
        for source in sources:
            found[source].append(asset)
    return {asset: tuple(others) for asset, others in found.items()}
