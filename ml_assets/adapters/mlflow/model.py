"""A candidate's inputs and model in MLflow's terms.

Belongs here: signature, dataset inputs, the MLflow Model directory. Does not belong here: clients,
databases. mlflow is imported on first use only.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.adapters.mlflow.candidate import Candidate, FeaturesBatch
from ml_assets.keys.libraries import version_of
from ml_assets.store.digest import canonical_json

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, TensorSpec

EXAMPLE = "input_example.json"
LOADER = "ml_assets.adapters.mlflow.pyfunc"
TYPES = {
    "number": "double",
    "integer": "long",
    "category": "string",
    "boolean": "boolean",
    "date": "datetime",
    "timestamp": "datetime",
    "text": "string",
}
"""MLflow's names of the types in a spec."""
ENFORCED = ("number", "category", "text")
"""The types that MLflow may enforce on a model's inputs. Its `long` refuses missing values, its
`boolean` silently reads them as false, and its `datetime` refuses texts, so MLflow passes those on
and `pyfunc` converts them."""
_DIGEST_LENGTH = 32
"""MLflow accepts 36 characters; the source has the complete digest."""


def dataset(item: FeaturesBatch, columns: Mapping[str, str]) -> DatasetInput:
    """Return a features batch as an MLflow dataset: once in a run, tagged with its folds.

    `columns` are the model's inputs and their types in the spec.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.types import Schema

    short = item.digest.partition(":")[2][:_DIGEST_LENGTH]
    schema = json.dumps({"mlflow_colspec": Schema(_typed(columns, TYPES)).to_dict()})
    profile = json.dumps({"num_rows": item.rows})
    known = Dataset(item.name, short, "ml_assets", item.source(), schema, profile)
    return DatasetInput(known, [InputTag("mlflow.data.context", ", ".join(item.contexts))])


def signature(candidate: Candidate) -> ModelSignature:
    """Return the model's inputs, all optional, and its outputs."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = _typed(candidate.document["columns"], ENFORCED)
    classes = candidate.document["classes"]
    outputs: list[ColSpec | TensorSpec] = [ColSpec("double", name) for name in classes]
    outputs = outputs or [ColSpec("double")]
    return ModelSignature(Schema(inputs), Schema(outputs))


def _typed(columns: Mapping[str, str], known: Container[str]) -> list[ColSpec | TensorSpec]:
    """Return columns with their types; MLflow's `any` if a type is not in `known`."""
    from mlflow.types import ColSpec
    from mlflow.types.schema import AnyType

    return [
        ColSpec(TYPES[kind] if kind in known else AnyType(), name, required=False)
        for name, kind in sorted(columns.items())
    ]


def save(path: Path, candidate: Candidate, run_id: str, columns: ModelSignature) -> None:
    """Write an MLflow Model directory as `mlflow.pyfunc.save_model` does.

    It omits the scan of installed packages, which takes half a second.
    """
    from mlflow import pyfunc
    from mlflow.models import Model

    data = path / "data"
    data.mkdir(parents=True)
    (data / "model.json").write_bytes(canonical_json(candidate.document))
    family = {"module": candidate.family, "digest": candidate.document_digest}
    (data / "family.json").write_text(json.dumps(family, indent=2), encoding="utf-8")
    (path / "requirements.txt").write_text("\n".join(requirements(candidate.libraries)) + "\n")
    (path / "python_env.yaml").write_text(
        f"python: {platform.python_version()}\ndependencies:\n- -r requirements.txt\n"
    )
    example = None
    if candidate.example:
        split = {"columns": list(candidate.example), "data": [list(candidate.example.values())]}
        (path / EXAMPLE).write_text(json.dumps(split, default=str), encoding="utf-8")
        example = {"artifact_path": EXAMPLE, "type": "dataframe", "pandas_orient": "split"}
    size = sum(file.stat().st_size for file in data.iterdir())
    model = Model(
        artifact_path="model",
        run_id=run_id,
        signature=columns,
        saved_input_example_info=example,
        metadata={
            **candidate.tags,
            "ml_assets.family": candidate.family,
            "ml_assets.columns": candidate.document["columns"],
        },
        model_size_bytes=size,
    )
    pyfunc.add_to_model(model, LOADER, data="data", python_env="python_env.yaml")
    model.save(str(path / "MLmodel"))


def drop_example(path: Path) -> None:
    """Remove the example from an MLflow Model directory: it is a row."""
    from mlflow.models import Model

    # It may be missing in an interrupted run.
    model = Model.load(str(path)) if (path / "MLmodel").is_file() else Model()
    if model.saved_input_example_info is not None:
        model.saved_input_example_info = None  # type: ignore[assignment] # the default
        model.save(str(path / "MLmodel"))
    # MLflow's own writers add one in its server's input format.
    for name in (EXAMPLE, f"serving_{EXAMPLE}"):
        (path / name).unlink(missing_ok=True)


def requirements(libraries: Mapping[str, str]) -> list[str]:
    """Return the pinned libraries of the model, and what its loader needs as well.

    `ml_assets` itself is not among them, as no public index has it.
    """
    needed = dict(version_of(name) for name in ("mlflow", "pandas", "pydantic"))
    return sorted(f"{name}=={version}" for name, version in {**needed, **libraries}.items())
