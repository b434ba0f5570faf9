"""The JSON schema of a defs.yaml, for editors: completion, and mistakes underlined."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import DATASET, MODEL
from ml_assets.spec.yaml import TOP

KINDS = {DATASET: DatasetSpec, MODEL: ModelSpec}


def schema() -> dict[str, Any]:
    """Return the schema: `type` decides what `attributes` may hold."""
    asked = [(model, "validation") for model in KINDS.values()]
    refs, shared = models_json_schema(asked)  # type: ignore[arg-type]
    cases = [
        {
            "if": {"properties": {"type": {"const": kind}}},
            "then": {
                "required": ["attributes"],
                "properties": {"attributes": refs[model, "validation"]},
            },
        }
        for kind, model in KINDS.items()
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "defs.yaml of ml_assets",
        "type": "object",
        "required": ["type"],
        "properties": {name: {} for name in TOP} | {"type": {"enum": list(KINDS)}},
        "additionalProperties": False,
        "allOf": cases,
        "$defs": _chosen(shared["$defs"]),
    }


def _chosen(part: Any) -> Any:
    """Return a schema whose tagged unions go by their tag.

    An editor then names the one wrong field, not every member of the union that does not fit.
    """
    if isinstance(part, list):
        return [_chosen(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {name: _chosen(item) for name, item in part.items()}
    tag = found.pop("discriminator", None)
    if tag is None:
        return found
    del found["oneOf"]
    name, members = tag["propertyName"], tag["mapping"]
    cases = [
        {"if": {"required": [name], "properties": {name: {"const": value}}}, "then": {"$ref": ref}}
        for value, ref in members.items()
    ]
    known = {
        "type": "object",
        "required": [name],
        "properties": {name: {"enum": list(members)}},
    }
    return found | known | {"allOf": cases}


def text() -> str:
    """Return the schema as it is committed."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
