"""Contracts of other tools: a usable spec, and a comment for all that it cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ml_assets.errors import RequestError, SpecError, UnknownName
from ml_assets.odcs.dataset import Imported, imported
from ml_assets.odcs.document import read_contract
from ml_assets.spec.columns import Column

CONTRACTS = Path(__file__).parent / "contracts"


def read(name: str, schema: str | None = None) -> Imported:
    return imported(read_contract(CONTRACTS / f"{name}.odcs.yaml"), schema)


def said(found: Imported) -> str:
    """Return all comments."""
    return "\n".join(found.notes)


def column(**fields: object) -> Column:
    return Column.model_validate(fields)


def test_a_contract_of_two_tables() -> None:
    found = read("orders", "orders")
    spec = found.spec
    assert spec.description == "Orders of the shop, one row an order"
    assert spec.owners == ("ada@example.org",)
    assert spec.key == ("order_id",)
    assert spec.landing.pattern == r"orders_v2.*\.(csv|csv\.gz|parquet|jsonl|xlsx)"
    assert spec.columns == {
        "order_id": column(type="text", nullable=False, pattern="[A-Z]{2}[0-9]+"),
        "status": column(
            type="category",
            description="Where the order is",
            allowed=("new", "paid", "NA"),
            nullable=False,
            null_values=("",),
        ),
        "total": column(type="number", unit="EUR", range=(None, 100000)),
        "items": column(type="integer", range=(1, None)),
        "ordered_at": column(type="timestamp", format="%Y-%m-%dT%H:%M:%S", zone="Europe/Berlin"),
        "due": column(type="date", format="%d.%m.%Y"),
        "gift": column(type="boolean"),
        "email": column(type="text", sensitive=True),
    }
    assert [rule.expression for rule in spec.rules] == [
        "order_id.str.len() >= 4",
        "order_id.str.len() <= 12",
        "total > 0",
        "items % 1 == 0",
        "ordered_at >= '2019-01-01'",
    ]
    for word in (
        "rowCount",
        "SELECT COUNT(*)",
        "percent",
        "format: email",
        "restricted",
        "unique in the contract",
        "jdoe",
        "Data Steward",
        "DECIMAL(10,2)",
        "steward",
        "frequency",
        "s3://shop",
        "domain: sales",
        "Not before 2019",
        "one row an order",
        "severity: error",
    ):
        assert word in said(found), word
    assert yaml.safe_load(found.text)["type"] == "ml_assets.TabularDataset"


def test_a_table_of_several_must_be_named() -> None:
    assert list(read("orders", "customers").spec.columns) == ["customer_id", "born"]
    with pytest.raises(RequestError, match="2 tables; say which by --schema: orders, customers"):
        read("orders")
    with pytest.raises(UnknownName, match=r"no table of the contract named 'order'.*'orders'"):
        read("orders", "order")


def test_rules_by_former_names_and_a_key_from_one() -> None:
    found = read("sensors")
    spec = found.spec
    assert spec.owners == ("lab@example.org",)
    assert spec.key == ("sensor", "at")
    assert spec.columns == {
        "sensor": column(type="text", nullable=False, source=["_sensor"]),
        "at": column(type="timestamp"),
        "value": column(type="number", nullable=False),
        "state": column(
            type="category",
            nullable=False,
            allowed=("ok", "off", "broken"),
            null_values=("", "n/a"),
        ),
        "clock": column(type="text"),
        "location": column(type="text"),
        "note": column(type="text"),
    }
    for word in (
        "no primary key",
        "names that start with _",
        "TIMESTAMP WITH TIME ZONE",
        "Values drift",
        "dimension: completeness",
        "time in the contract, read as text",
        "object in the contract, read as text",
        "lat",
        "logicaltype: string",
        "businessName: Remark",
    ):
        assert word in said(found), word


def test_what_a_column_cannot_have_is_a_comment() -> None:
    found = read("people")
    assert found.spec.columns == {
        "id": column(type="integer"),
        "grade": column(type="category", allowed=("a", "b")),
        "code": column(type="text"),
        "zip": column(type="text", pattern="[0-9]{5}", sensitive=True),
        "member": column(type="boolean"),
        "hours-per-week": column(type="number"),
        "seen": column(type="date"),
        "at": column(type="timestamp"),
    }
    assert [rule.expression for rule in found.spec.rules] == ["`hours-per-week` < 168"]
    for word in (
        "(?<first>[a-z])x",
        "label: best",
        "[true, false]",
        "yyyy-'W'ww",
        "Mars/Olympus",
        "timezone: false",
        "maximum of the contract: never",
        "must match the whole text",
        "classification: public",
        "[pii]",
    ):
        assert word in said(found), word


GOOD = """apiVersion: v3.1.0
kind: DataContract
id: x
version: 1.0.0
schema:
  - name: orders
    properties:
      - {name: a, logicalType: integer}
      - {name: b, logicalType: string}
"""


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("kind: DataContract", "kind: [", r"c\.yaml:\d+: not YAML"),
        ("v3.1.0", "v3.0.2", r"c\.yaml:1: apiVersion: got 'v3\.0\.2', wanted v3\.1\.0"),
        ("v3.1.0", "v4.0.0", r"got 'v4\.0\.0', wanted v3\.1\.0"),
        ("apiVersion: v3.1.0\n", "", "apiVersion: is missing"),
        ("kind: DataContract", "kind: DataProduct", r"c\.yaml:2: kind: got 'DataProduct'"),
        ("kind: DataContract", "dataContractSpecification: 1.1.0", "is another standard"),
        (
            "logicalType: integer",
            "logicalType: intger",
            r"c\.yaml:8: schema\.orders\.properties\.a\.logicalType: got 'intger'.*'integer'",
        ),
        ("name: a, ", "", r"c\.yaml:8: .*name is missing"),
        ("name: a", "name: b", r"c\.yaml:9: .*the column 'b' is there twice"),
        ("version: 1.0.0", "version: 1.0", r"c\.yaml:4: version: .*\(got 1\.0\)"),
        ("version: 1.0.0", "versoin: 1.0.0", r"c\.yaml:4: versoin: unknown key"),
        ("    properties:\n", "    quality:\n", "orders: has no properties"),
        ("- {name: a, logicalType: integer}", "- 7", r"c\.yaml:8: "),
        ("id: x", "id: x\n1: y", "the key '1' is read as a number"),
        (
            "    properties:\n",
            "    customProperties: [{property: mlAssets, value: {landing: {patern: x}}}]\n"
            "    properties:\n",
            r"as a dataset: landing\.patern",
        ),
        (
            "    properties:\n",
            "    customProperties: [{property: mlAssets, value: 7}]\n    properties:\n",
            "mlAssets: got 7",
        ),
    ],
)
def test_what_is_no_contract(tmp_path: Path, old: str, new: str, wanted: str) -> None:
    assert old in GOOD
    path = tmp_path / "c.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(SpecError, match=wanted):
        imported(read_contract(path))


@pytest.mark.parametrize("text", ["", "- a\n", "text\n"])
def test_what_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match="wanted a data contract: apiVersion"):
        read_contract(path)
