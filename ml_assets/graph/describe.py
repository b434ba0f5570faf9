"""What Dagster shows about each asset: descriptions, kinds, schema, column lineage."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ml_assets.assets.edges import entry_of, sources_of
from ml_assets.assets.registry import function
from ml_assets.graph.keys import key_of
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current

LIBRARIES = {
    "linear": "scikitlearn",
    "lightgbm": "lightgbm",
    "lightgbm_tuned": "lightgbm",
    "catboost": "catboost",
    "random_forest": "scikitlearn",
    "extra_trees": "scikitlearn",
    "hist_gradient_boosting": "scikitlearn",
}


Spec = DatasetSpec | ModelSpec


def asset_spec(
    project: Project,
    asset: str,
    partitions: dg.PartitionsDefinition[str] | None,
    code_version: str | None = None,
) -> dg.AssetSpec:
    """Return an asset's definition, which Dagster shows before it is materialized."""
    group, entry = asset.split("/", maxsplit=1)[0], entry_of(asset)
    spec = project.datasets.get(group) or project.models[group]
    about = f" {spec.description}" if entry.described else ""
    return dg.AssetSpec(
        key_of(asset),
        deps=[key_of(source) for source in sources_of(project, asset, implied=False)],
        group_name=group,
        description=entry.description + about,
        kinds=set(entry.kinds) | (_libraries(spec) if entry.of_families else set()),
        owners=list(spec.owners),
        metadata=function(entry.definition)(spec) if entry.definition else {},
        code_version=code_version,
        partitions_def=partitions if entry.batched else None,
    )


def _libraries(spec: Spec) -> set[str]:
    """Return the libraries of a model's families."""
    families = spec.training.families.values() if isinstance(spec, ModelSpec) else ()
    return {LIBRARIES[family.family] for family in families if family.family in LIBRARIES}


def contract_metadata(spec: DatasetSpec) -> dict[str, Any]:
    """Return a contract as metadata of a dataset's table."""
    return {"dagster/column_schema": dataset_schema(spec)}


def inputs_metadata(spec: ModelSpec) -> dict[str, Any]:
    """Return a model's inputs as metadata of its features."""
    return {"dagster/column_schema": feature_schema(spec)}


def lineage_metadata(_: Home, project: Project, current: Current) -> dict[str, Any]:
    """Return column lineage from the dataset's columns to a batch's features."""
    model = project.models[current.asset.split("/")[0]]
    return {"dagster/column_lineage": feature_lineage(model)}


def dataset_schema(spec: DatasetSpec) -> dg.TableSchema:
    """Return a contract as Dagster's column schema, units and rules included."""
    columns = []
    for name, column in spec.columns.items():
        rules = []
        if column.range is not None:
            low, high = column.range
            rules.append(f"{_end(low)}…{_end(high)}")
        if column.allowed is not None:
            rules.append(f"one of {', '.join(map(str, column.allowed))}")
        if column.pattern is not None:
            rules.append(f"matches {column.pattern}")
        unit = f" [{column.unit}]" if column.unit else ""
        columns.append(
            dg.TableColumn(
                name,
                column.type,
                description=f"{column.description}{unit}",
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=spec.key == (name,), other=rules
                ),
                tags={"sensitive": ""} if column.sensitive else None,
            )
        )
    return dg.TableSchema(columns)


def _end(value: Any) -> str:
    return "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def feature_schema(spec: ModelSpec) -> dg.TableSchema:
    """Return a model's inputs as Dagster's column schema."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                name,
                column.kind,
                description=column.description + (f" [{column.unit}]" if column.unit else ""),
            )
            for name, column in spec.features.columns.items()
        ]
    )


def feature_lineage(spec: ModelSpec) -> dg.TableColumnLineage:
    """Return the dataset columns from which each feature is derived."""
    return dg.TableColumnLineage(
        {
            name: [
                dg.TableColumnDep(
                    asset_key=dg.AssetKey([source.split(".")[0], "cleaned"]),
                    column_name=source.split(".", 1)[1],
                )
                for source in column.sources
            ]
            for name, column in spec.features.columns.items()
        }
    )
