"""Statistics that may leave a site: what they say, and what can be found in none of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.spec.columns import Column
from ml_assets.stages.schema import table_schema
from ml_assets.stages.statistics.columns import blocks
from ml_assets.stages.statistics.document import Asked, statistics

START = datetime(2024, 1, 1, tzinfo=UTC)
TYPES = {
    "id": "integer",
    "at": "timestamp",
    "hour": "integer",
    "income": "number",
    "tax": "number",
    "city": "category",
    "paid": "boolean",
    "secret": "text",
}


def said(rows: int = 240, least: int = 10, **changes: list[Any]) -> dict[str, Any]:
    """Return the statistics of a made table with an hourly time."""
    given: dict[str, list[Any]] = {
        "id": list(range(rows)),
        "at": [START + timedelta(hours=n) for n in range(rows)],
        "hour": [n % 24 for n in range(rows)],
        "income": [1000.5 + 37 * (n * 7 % rows) for n in range(rows)],
        "tax": [200.0 + 11 * (n * 7 % rows) for n in range(rows)],
        "city": [("Rome", "Oslo", "Bonn")[n % 3] for n in range(rows)],
        "paid": [n % 4 == 0 for n in range(rows)],
        "secret": [f"person {n}" for n in range(rows)],
    }
    columns = {n: Column(type=t, sensitive=n == "secret") for n, t in TYPES.items()}
    schema = pa.schema([field for field in table_schema(columns) if field.name in TYPES])
    table = pa.table(given | changes, schema=schema)
    asked = Asked("sales", columns, "at", "UTC", frozenset({"id"}), least)

    def read(names: Sequence[str]) -> pa.Table:
        return table.select(names)

    document = statistics(asked, read)
    json.dumps(document, allow_nan=False)
    return document


def test_each_kind_of_column_is_said_in_its_own_way() -> None:
    columns = said()["columns"]
    assert columns["hour"] == {"type": "integer", "missing": 0.0, "of_time": "hour"}
    assert columns["at"]["step"] == "hour"
    assert columns["at"]["hours"] == [0.0417] * 24
    assert columns["city"]["values"] == [["Bonn", 0.3333], ["Oslo", 0.3333], ["Rome", 0.3333]]
    assert columns["paid"]["values"] == [[False, 0.75], [True, 0.25]]
    assert columns["secret"] == {"type": "text", "missing": 0.0, "sensitive": True}
    assert columns["income"]["decimals"] == 1
    assert len(columns["income"]["blocks"]) == 24
    # The mean of the ten smallest, 1000.5 to 1000.5 + 37 * 9.
    assert columns["income"]["blocks"][0] == pytest.approx(1000.5 + 37 * 4.5)


def test_columns_that_rise_together_are_said_to() -> None:
    found = said()["correlations"]
    place = {name: number for number, name in enumerate(found["columns"])}
    assert found["matrix"][place["income"]][place["tax"]] == 1.0
    assert "hour" not in place


def test_what_is_missing_together_is_said_of_enough_rows() -> None:
    income: list[Any] = [None if n % 5 == 0 else float(n) for n in range(240)]
    tax: list[Any] = [None if n % 5 == 0 else float(n) for n in range(240)]
    tax[1] = None
    document = said(income=income, tax=tax)
    assert document["columns"]["income"]["missing"] == 0.2
    assert document["missing_together"] == [[[], 0.7992], [["income", "tax"], 0.2008]]


def test_no_rare_value_extreme_or_key_is_in_the_document() -> None:
    city = ["Rome"] * 231 + ["Vaduz"] * 9
    income = [float(n % 50 * 100) for n in range(239)] + [987654321.5]
    document = said(city=city, income=income, id=[7000 + 13 * n for n in range(240)])
    text = json.dumps(document)
    assert "Vaduz" not in text
    assert "987654321" not in text
    assert "person" not in text
    assert document["columns"]["city"]["values"] == [["Rome", 0.9625]]
    assert "others" not in document["columns"]["city"]
    # 240 different numbers are blocks of ten: none of them is one row's.
    assert not {7000 + 13 * n for n in range(240)} & set(document["columns"]["id"]["blocks"])


def test_blocks_do_not_overlap_so_no_difference_is_one_rows_value() -> None:
    values = np.sort(np.random.default_rng(0).lognormal(size=105))
    found = blocks(values, 10)
    sizes = [len(part) for part in np.array_split(values, len(found))]
    assert sum(sizes) == 105
    assert min(sizes) >= 10
    assert np.dot(found, sizes) == pytest.approx(values.sum(), rel=1e-4)


def test_of_too_few_rows_nothing_is_said() -> None:
    document = said(rows=9)
    assert document["rows"] == 0
    assert all(
        set(entry) <= {"type", "missing", "sensitive"} for entry in document["columns"].values()
    )
    assert document["missing_together"] == []
