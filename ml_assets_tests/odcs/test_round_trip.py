"""A spec as a contract and back is the same spec, and the contract is valid by the standard."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft201909Validator

from ml_assets.odcs.dataset import Imported, imported
from ml_assets.odcs.document import read_contract
from ml_assets.odcs.export import contract_of, text_of
from ml_assets.odcs.standard import bounded, unbounded
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import read_project
from ml_assets.spec.yaml import read_spec
from ml_assets_tests.odcs.drawn import PATTERNS, datasets
from ml_assets_tests.processes import ROOT

SCHEMA = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())
OURS = read_project(ROOT / "ml_assets" / "defs").datasets


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


def there_and_back(folder: Path, spec: DatasetSpec) -> Imported:
    path = folder / "x.odcs.yaml"
    path.write_text(text_of(contract_of("x", spec)), encoding="utf-8")
    return imported(read_contract(path))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(datasets())
def test_any_spec_is_the_same_after_export_and_import(folder: Path, spec: DatasetSpec) -> None:
    Draft201909Validator(SCHEMA).validate(contract_of("x", spec))
    back = there_and_back(folder, spec)
    assert back.spec == spec
    assert back.notes == ()
    written = folder / "defs.yaml"
    written.write_text(back.text, encoding="utf-8")
    assert read_spec(written, {"ml_assets.TabularDataset": DatasetSpec}) == spec


@pytest.mark.parametrize("name", OURS)
def test_the_datasets_that_come_along_are_the_same(folder: Path, name: str) -> None:
    back = there_and_back(folder, OURS[name])
    assert (back.spec, back.notes) == (OURS[name], ())
    Draft201909Validator(SCHEMA).validate(contract_of(name, OURS[name]))


@given(PATTERNS)
def test_a_pattern_keeps_its_text(pattern: str) -> None:
    assert unbounded(bounded(pattern)) == pattern


def test_what_the_standard_has_a_place_for_stands_there() -> None:
    column = {
        "type": "category",
        "description": "Where",
        "unit": "code",
        "nullable": False,
        "allowed": ["EWR", "JFK"],
        "pattern": "[A-Z]{3}",
        "sensitive": True,
        "source": "ORIGIN",
        "action": "warn",
    }
    amount = {"type": "number", "range": [0, None], "decimal": ","}
    at = {"type": "timestamp", "zone": "Europe/Berlin"}
    spec = DatasetSpec.model_validate(
        {
            "description": "Flights",
            "owners": ["team:flights"],
            "landing": {"pattern": "x"},
            "key": ["at", "origin"],
            "columns": {"origin": column, "amount": amount, "at": at},
        }
    )
    contract = contract_of("flights", spec)
    assert contract["apiVersion"] == "v3.1.0"
    assert contract["team"] == {"members": [{"username": "team:flights", "role": "owner"}]}
    assert contract["schema"][0]["description"] == "Flights"
    assert contract["schema"][0]["customProperties"] == [
        {"property": "mlAssets", "value": {"landing": {"pattern": "x"}}}
    ]
    rule = {
        "type": "library",
        "metric": "invalidValues",
        "arguments": {"validValues": ["EWR", "JFK"]},
        "mustBe": 0,
    }
    assert contract["schema"][0]["properties"] == [
        {
            "name": "origin",
            "logicalType": "string",
            "physicalName": "ORIGIN",
            "description": "Where",
            "primaryKey": True,
            "primaryKeyPosition": 2,
            "required": True,
            "classification": "confidential",
            "logicalTypeOptions": {"pattern": "^[A-Z]{3}$"},
            "quality": [rule],
            "customProperties": [
                {"property": "unit", "value": "code"},
                {"property": "mlAssets", "value": {"type": "category", "action": "warn"}},
            ],
        },
        {
            "name": "amount",
            "logicalType": "number",
            "logicalTypeOptions": {"minimum": 0},
            "customProperties": [{"property": "mlAssets", "value": {"decimal": ","}}],
        },
        {
            "name": "at",
            "logicalType": "timestamp",
            "primaryKey": True,
            "primaryKeyPosition": 1,
            "logicalTypeOptions": {"defaultTimezone": "Europe/Berlin"},
        },
    ]


def test_an_edit_of_the_contract_counts(folder: Path) -> None:
    path = folder / "edited.odcs.yaml"
    contract = contract_of("planes", OURS["planes"])
    first = contract["schema"][0]["properties"][0]
    first["description"] = "Changed by hand"
    path.write_text(yaml.safe_dump(contract))
    spec = imported(read_contract(path)).spec
    assert spec.columns[first["name"]].description == "Changed by hand"
