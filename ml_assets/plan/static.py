"""Code versions for Dagster: what of an asset's making does not depend on the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ml_assets.plan import fields
from ml_assets.plan.code import Sources, digests
from ml_assets.plan.environment import environment
from ml_assets.plan.recipes.dataset import clean_spec, ingest_spec
from ml_assets.plan.recipes.evaluation import STAGES, evaluate_spec
from ml_assets.plan.recipes.model import family_module, features_spec, fit_spec
from ml_assets.plan.recipes.quality import Reference, reference_spec, report_spec
from ml_assets.plan.workspace import Workspace
from ml_assets.spec.project import Project
from ml_assets.store.digest import json_digest

QUALITY = ("ml_assets.stages.quality.reference", "ml_assets.stages.quality.report")
TRAIN = (
    "ml_assets.stages.train.fit",
    "ml_assets.stages.train.choose",
    "ml_assets.stages.train.refit",
)
GATE = ("ml_assets.stages.gate.parity", "ml_assets.stages.gate.decide")


def definitions_digest(project: Project, workspace: Workspace) -> str:
    """Return a digest of what Dagster loads: asset keys and their code versions."""
    groups = [*project.datasets, *project.models]
    versions = {group: dict(code_versions(project, workspace, group)) for group in groups}
    return json_digest([sorted(project.asset_keys()), versions])


def code_versions(project: Project, workspace: Workspace, group: str) -> Mapping[str, str]:
    """Return kind of unit -> digest of its code, sub-specs and environment."""
    sources = Sources(workspace.roots)

    def version(modules: Sequence[str], *params: BaseModel | None) -> str:
        closure = sources.closure(modules)
        libraries = {name for module in closure.values() for name in module.third_party}
        document: list[Any] = [
            digests(closure),
            environment(libraries),
            [None if p is None else fields.document(p) for p in params],
        ]
        return json_digest(document)[3:19]

    if group in project.datasets:
        spec = project.datasets[group]
        stages = ("ml_assets.stages.ingest", "ml_assets.stages.clean")
        told = report_spec(group, spec, "", Reference(""), {})
        return {
            "batch": version(stages, ingest_spec(group, spec), clean_spec(group, spec)),
            "quality_report": version(QUALITY, reference_spec(group, spec), told),
        }
    model = project.models[group]
    hook = workspace.hook(group, model.features.function).split(":")[0]
    families = [family_module(workspace, group, f) for f in model.training.families.values()]
    own = [workspace.hook(group, h).split(":")[0] for h in model.evaluation.metrics.values()]
    return {
        "features": version(["ml_assets.stages.features", hook], features_spec(project, group)),
        "splits": version([f"ml_assets.stages.split.{model.split.kind}"], model.split),
        "candidate": version(
            [*TRAIN, *families], *(fit_spec(model, name) for name in model.training.families)
        ),
        "champion": version(GATE, model.gate),
        "evaluation_report": version([*STAGES, *own], evaluate_spec(project, group)),
        "release": version(["ml_assets.stages.release.release", *families]),
    }
