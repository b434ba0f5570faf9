"""Converts the specs of a model and its datasets to one stored document, and back."""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.keys import fields
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import Project

Specs = Mapping[str, Mapping[str, str]]
"""`datasets` and `models`, each by name as JSON text: a document loses their order."""


def specs_of(project: Project, group: str) -> dict[str, dict[str, str]]:
    """Return the specs that a model depends on; nothing for a dataset."""
    model = project.models.get(group)
    if model is None:
        return {}
    names = sorted({model.dataset, *(join.dataset for join in model.joins)})
    return {
        "datasets": {name: project.datasets[name].model_dump_json() for name in names},
        "models": {group: model.model_dump_json()},
    }


def project_of(specs: Specs) -> Project:
    """Return the project of one model; pydantic's ValidationError if today's classes refuse it."""
    return Project(
        {name: DatasetSpec.model_validate_json(t) for name, t in specs["datasets"].items()},
        {name: ModelSpec.model_validate_json(t) for name, t in specs["models"].items()},
    )


def spec_texts(project: Project) -> dict[str, str]:
    """Return each spec as keys use it: equal even if an older ml_assets stored fewer fields."""
    return {
        name: fields.text(spec)
        for name, spec in (*project.datasets.items(), *project.models.items())
    }
