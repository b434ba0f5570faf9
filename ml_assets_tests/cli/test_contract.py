"""contract and new dataset --from: files, patches, and requests that are wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from ml_assets.spec.project import read_project
from ml_assets_tests.cli.shell import Site

CONTRACTS = Path(__file__).parents[1] / "odcs" / "contracts"


def test_a_dataset_becomes_a_contract_and_another_dataset(new_site: Site) -> None:
    text = new_site("contract", "sales", "--odcs").out
    assert yaml.safe_load(text)["apiVersion"] == "v3.1.0"
    path = new_site.root / "sales.odcs.yaml"
    assert "wrote sales.odcs.yaml" in new_site("contract", "sales", "--odcs", "--to", path).out
    assert path.read_text() == text
    assert new_site.json("contract", "sales", "--odcs")["contract"] == yaml.safe_load(text)
    answer = new_site.json("new", "dataset", "sold", "--from", path)
    defs = new_site.root / "toy" / "defs"
    assert (answer["file"], answer["notes"]) == (str(defs / "sold" / "defs.yaml"), [])
    datasets = read_project(defs).datasets
    assert datasets["sold"] == datasets["sales"]


def test_an_existing_file_is_not_changed(new_site: Site) -> None:
    path = new_site.root / "sales.odcs.yaml"
    new_site("contract", "sales", "--odcs", "--to", path)
    edited = path.read_text().replace("status: active", "status: draft")
    path.write_text(edited)
    said = new_site("contract", "sales", "--odcs", "--to", path).out
    assert "-status: draft\n+status: active\n" in said
    assert path.read_text() == edited


def test_a_contract_of_others_says_what_is_left_to_do(new_site: Site) -> None:
    path = CONTRACTS / "sensors.odcs.yaml"
    found = new_site("new", "dataset", "readings", "--from", path)
    assert "wrote toy/defs/readings/defs.yaml: 7 columns from sensors.odcs.yaml" in found.out
    assert "note: object in the contract, read as text" in found.err
    assert "is as it would be" in new_site("new", "dataset", "readings", "--from", path).out


def test_wrong_requests(new_site: Site, tmp_path: Path) -> None:
    orders = CONTRACTS / "orders.odcs.yaml"
    assert "add --odcs" in new_site("contract", "sales", code=2).err
    assert "no dataset named 'sale'" in new_site("contract", "sale", "--odcs", code=2).err
    assert (
        "--schema: orders, customers"
        in new_site("new", "dataset", "orders", "--from", orders, code=2).err
    )
    said = new_site("new", "dataset", "o", "x.csv", "--from", orders, code=2).err
    assert "reads no files; remove FILES" in said
    assert "add --from" in new_site("new", "dataset", "o", "--schema", "x", code=2).err
    assert "wanted the file" in new_site("new", "dataset", "o", code=2).err
    gone = tmp_path / "gone.yaml"
    assert "not a file" in new_site("new", "dataset", "o", "--from", gone, code=2).err
    assert not (new_site.root / "toy" / "defs" / "o").exists()


def test_without_the_package_the_error_says_what_to_install(
    new_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "open_data_contract_standard.model", raising=False)
    monkeypatch.setitem(sys.modules, "open_data_contract_standard", None)
    for words in (("contract", "sales", "--odcs"), ("new", "dataset", "o", "--from", "x.yaml")):
        assert "pip install 'ml_assets[odcs]'" in new_site(*words, code=2).err
