"""Contracts with any value anywhere: a spec, or an error that says what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_assets.errors import RequestError
from ml_assets.odcs.dataset import imported
from ml_assets.odcs.document import read_contract
from ml_assets.odcs.export import contract_of
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import read_project
from ml_assets.spec.yaml import read_spec
from ml_assets_tests.odcs.test_foreign import CONTRACTS
from ml_assets_tests.processes import ROOT

FOREIGN = [yaml.safe_load(path.read_text()) for path in sorted(CONTRACTS.glob("*.yaml"))]
OURS = read_project(ROOT / "ml_assets" / "defs").datasets
EVERY = [*FOREIGN, *(contract_of(name, spec) for name, spec in OURS.items())]
RULES = [
    {"type": "library", "metric": "duplicateValues", "arguments": {"properties": None}},
    {"type": "library", "metric": "duplicateValues", "arguments": {"properties": [{"a": 1}]}},
    {"type": "library", "metric": "missingValues", "arguments": {"missingValues": 7}},
    {"type": "library", "metric": "invalidValues", "arguments": {"validValues": [{"a": 1}]}},
]
PLAIN = st.sampled_from(
    [None, True, 0, -1, 2.5, 10**15, "", "x", "NA", "_a", "{}", "`", "'", "a\nb", "\x85", "{0.x}"]
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=3,
)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container with each of its keys."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_anywhere(tmp_path: Path, data: st.DataObject) -> None:
    content = copy.deepcopy(data.draw(st.sampled_from(EVERY)))
    for _ in range(data.draw(st.integers(1, 2))):
        found = list(places(content))
        tables = content["schema"] if isinstance(content.get("schema"), list) else []
        if tables and isinstance(tables[0], dict) and data.draw(st.booleans()):
            tables[0]["quality"] = [copy.deepcopy(data.draw(st.sampled_from(RULES)))]
            continue
        parent, key = found[data.draw(st.integers(0, len(found) - 1))]
        parent[key] = data.draw(VALUES)
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(content))
    schema = "orders" if content.get("id") == FOREIGN[0]["id"] else None
    try:
        back = imported(read_contract(path), schema)
    except RequestError:
        return
    written = tmp_path / "defs.yaml"
    written.write_text(back.text, encoding="utf-8")
    assert read_spec(written, {"ml_assets.TabularDataset": DatasetSpec}) == back.spec


def test_there_are_contracts_of_both_kinds() -> None:
    assert len(FOREIGN) == 3
    assert len(EVERY) > len(FOREIGN)


@pytest.mark.parametrize("text", ["'2019-01-01'", '"\\"'])
def test_limits_are_quoted(tmp_path: Path, text: str) -> None:
    content = copy.deepcopy(FOREIGN[1])
    content["schema"][0]["properties"][0] |= {"logicalTypeOptions": {"minLength": text}}
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(content))
    assert any("minLength" in note for note in imported(read_contract(path)).notes)
