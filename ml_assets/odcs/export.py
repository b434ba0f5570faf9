"""From a dataset's spec to a contract: each field of the spec is in exactly one place.

What the standard has no place for stands under the custom property `mlAssets`, as in the spec.
Does not belong here: reading a contract.
"""

from __future__ import annotations

from typing import Any

import yaml

from ml_assets.odcs.standard import (
    CONFIDENTIAL,
    LOGICAL,
    OWN,
    OWNER,
    UNIT,
    WRITTEN,
    bounded,
    model,
)
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import DatasetSpec

EXACT = 2**53
"""Whole numbers below are exact as floating-point numbers."""


def contract_of(name: str, spec: DatasetSpec) -> dict[str, Any]:
    """Return a dataset's contract, valid by the standard's package.

    Raises RequestError if the package is not installed.
    """
    left = spec.model_dump(mode="json", exclude_defaults=True)
    del left["columns"]
    key, owners = left.pop("key", []), left.pop("owners", [])
    table = {
        "name": name,
        "logicalType": "object",
        "description": left.pop("description"),
        "properties": [_property(n, column, key) for n, column in spec.columns.items()],
        "customProperties": _custom({OWN: left}),
    }
    contract: dict[str, Any] = {
        "apiVersion": WRITTEN,
        "kind": "DataContract",
        "id": name,
        "name": name,
        "version": "1.0.0",
        "status": "active",
        "schema": [table],
    }
    if owners:
        contract["team"] = {
            "members": [{"username": owner, "role": OWNER} for owner in owners],
        }
    model().model_validate(contract)
    return contract


def text_of(contract: dict[str, Any]) -> str:
    """Return a contract as YAML."""
    return yaml.dump(contract, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Values that are the same object are written out each time."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return that nothing is written as a reference."""
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Return a text, quoted with escapes where a character would not be read back."""
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


def _property(name: str, column: Column, key: list[str]) -> dict[str, Any]:
    left = column.model_dump(mode="json", exclude_defaults=True)
    if left["type"] != "category":
        del left["type"]
    document: dict[str, Any] = {"name": name, "logicalType": LOGICAL[column.type]}
    source = left.get("source", [])
    if len(source) == 1 and source != [name]:
        document["physicalName"] = left.pop("source")[0]
    if "description" in left:
        document["description"] = left.pop("description")
    if name in key:
        document |= {"primaryKey": True, "primaryKeyPosition": key.index(name) + 1}
    if not left.pop("nullable", True):
        document["required"] = True
    if left.pop("sensitive", False):
        document["classification"] = CONFIDENTIAL
    options = _options(column, left)
    if options:
        document["logicalTypeOptions"] = options
    if "allowed" in left:
        document["quality"] = [
            {
                "type": "library",
                "metric": "invalidValues",
                "arguments": {"validValues": left.pop("allowed")},
                "mustBe": 0,
            }
        ]
    custom = _custom({UNIT: left.pop("unit", None), OWN: left})
    if custom:
        document["customProperties"] = custom
    return document


def _options(column: Column, left: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a column's type, and take them from what is left of it."""
    options: dict[str, Any] = {}
    if column.range is not None and column.range != (None, None):
        limits = zip(("minimum", "maximum"), left.pop("range"), strict=True)
        options = {name: _number(limit) for name, limit in limits if limit is not None}
    if "pattern" in left:
        options["pattern"] = bounded(left.pop("pattern"))
    if "zone" in left:
        options["defaultTimezone"] = left.pop("zone")
    return options


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < EXACT else value


def _custom(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"property": name, "value": value}
        for name, value in values.items()
        if value not in ({}, None)
    ]
