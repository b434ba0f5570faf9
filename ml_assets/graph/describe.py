"""What people read about each asset in Dagster: descriptions, kinds, schema, column lineage."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec

DESCRIPTIONS = {
    "landing": "Files that landed, as they came; observed with the digest of their bytes.",
    "raw": "Every record that parses, typed; nothing dropped. `_line` is its line in the file.",
    "cleaned": "Rows that keep the contract, after the declared cleaning and filters.",
    "quarantine": "Records that do not parse or break a rule: rule, reason, line and text.",
    "quality_report": "What came in: statistics, drift, gaps, and whom cleaning removes.",
    "features": "Model inputs with key, event time and target, by batch.",
    "train_split": "Which labelled rows the families learn from: references, never copies.",
    "validation_split": "Which labelled rows the families are compared and stopped on.",
    "test_split": "Which labelled rows the report is about; nothing is chosen on them.",
    "candidate": "The best family on validation, refitted; with its leaderboard.",
    "evaluation_report": "What the candidate is worth on test, beside the trivial baseline.",
    "champion": "The gate's decision on the candidate and what it rests on; who is champion.",
    "release": "The champion as a self-contained bundle, verified in a fresh process.",
}
KINDS = {
    "landing": {"file"},
    "raw": {"table", "parquet"},
    "cleaned": {"table", "pandas"},
    "quarantine": {"table", "parquet"},
    "quality_report": {"html"},
    "features": {"table", "pandas"},
    "train_split": {"table"},
    "validation_split": {"table"},
    "test_split": {"table"},
    "candidate": {"mlflow"},
    "evaluation_report": {"html"},
    "champion": {"json", "mlflow"},
    "release": {"onnx"},
}
LIBRARIES = {"linear": "scikitlearn", "lightgbm": "lightgbm", "lightgbm_tuned": "lightgbm"}


def description(name: str, spec: DatasetSpec | ModelSpec) -> str:
    """Return what an asset is; of landed files and of a candidate, also what they are about."""
    about = f" {spec.description}" if name in ("landing", "candidate") else ""
    return DESCRIPTIONS[name] + about


def kinds(name: str, spec: DatasetSpec | ModelSpec) -> set[str]:
    """Return what an asset is made of; a candidate is of its families' libraries too."""
    if name != "candidate" or isinstance(spec, DatasetSpec):
        return KINDS[name]
    families = {family.family for family in spec.training.families.values()}
    return KINDS[name] | {LIBRARIES[family] for family in families & set(LIBRARIES)}


def static_metadata(name: str, spec: DatasetSpec | ModelSpec) -> dict[str, Any]:
    """Return the metadata of an asset's definition: column schema and column lineage."""
    if isinstance(spec, DatasetSpec):
        return {"dagster/column_schema": dataset_schema(spec)} if name in ("raw", "cleaned") else {}
    return {"dagster/column_schema": feature_schema(spec)} if name == "features" else {}


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
                column.type,
                description=column.description + (f" [{column.unit}]" if column.unit else ""),
            )
            for name, column in spec.features.columns.items()
        ]
    )


def feature_lineage(spec: ModelSpec) -> dg.TableColumnLineage:
    """Return which dataset columns each feature comes from."""
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
