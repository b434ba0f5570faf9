"""TabularDataset and TabularModel: a defs.yaml becomes a part of the graph. No logic here.

`dg scaffold defs` writes the same files as `ml-assets new`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
from pydantic import BaseModel

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec


class _Part(dg.Component):
    """What both components share: the spec is read with its project, the graph built from it."""

    spec: ClassVar[type[BaseModel]]

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """Return the spec model, from which dg makes schema, checks and completion."""
        return cls.spec

    @classmethod
    def load(cls, attributes: Any, context: dg.ComponentLoadContext) -> _Part:
        """Take the attributes as checked; they are read again with the whole project."""
        return cls()

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the assets of this folder; the first folder brings what all share."""
        from ml_assets.assets.edges import groups
        from ml_assets.graph.build import group_definitions, shared_definitions
        from ml_assets.spec.project import read_project
        from ml_assets.workspace import locate

        group = Path(context.path).name
        workspace = locate(Path(context.project_root))
        project = read_project(workspace.defs, workspace.claims)
        part = group_definitions(project, group, workspace)
        for dataset, model in project.requests.items():
            if model == group:
                part = dg.Definitions.merge(part, group_definitions(project, dataset, workspace))
        if group != min(groups(project)):
            return part
        return dg.Definitions.merge(part, shared_definitions(project, workspace))


class DatasetParams(BaseModel):
    """What `dg scaffold defs ml_assets.TabularDataset NAME` takes."""

    file: list[str] = []
    dates: str | None = None
    header: bool | None = None


class ModelParams(BaseModel):
    """What `dg scaffold defs ml_assets.TabularModel NAME` takes."""

    dataset: str
    target: str
    task: str | None = None
    metric: str | None = None
    predict_at: str | None = None
    group: list[str] = []
    keep: list[str] = []
    file: list[str] = []


class DatasetScaffolder(dg.Scaffolder[DatasetParams]):
    """Writes a dataset's spec from its files."""

    @classmethod
    def get_scaffold_params(cls) -> type[DatasetParams]:
        """Return the options of the command."""
        return DatasetParams

    def scaffold(self, request: dg.ScaffoldRequest[DatasetParams]) -> None:
        """Write the spec."""
        from ml_assets.scaffold.dg import scaffold_dataset

        scaffold_dataset(request.target_path, request.scaffold_format, **dict(request.params))


class ModelScaffolder(dg.Scaffolder[ModelParams]):
    """Writes a model's spec from its target."""

    @classmethod
    def get_scaffold_params(cls) -> type[ModelParams]:
        """Return the options of the command."""
        return ModelParams

    def scaffold(self, request: dg.ScaffoldRequest[ModelParams]) -> None:
        """Write the spec."""
        from ml_assets.scaffold.dg import scaffold_model

        scaffold_model(request.target_path, request.scaffold_format, **dict(request.params))


@dg.scaffold_with(DatasetScaffolder)
class TabularDataset(_Part):
    """A dataset: landing, raw, cleaned, quarantine and quality report, with their checks.

    Its `attributes` in defs.yaml are a `DatasetSpec`; a mistake raises SpecError with its line.
    """

    spec = DatasetSpec


@dg.scaffold_with(ModelScaffolder)
class TabularModel(_Part):
    """A model: features, folds, candidate, evaluation report, champion and release.

    Its `attributes` in defs.yaml are a `ModelSpec`; a mistake raises SpecError with its line, also
    one between specs (no such dataset, a column that it has not).
    """

    spec = ModelSpec
