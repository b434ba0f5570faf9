"""Parquet files: typed already, and still held to the contract."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from ml_assets_tests.stages.batches import ingested

WHOLE = {"number": [1, 2], "name": ["Ann", "Bob"]}


def parquet(columns: dict[str, Any]) -> bytes:
    """Return a Parquet file."""
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def test_lines_are_numbers_of_records() -> None:
    raw, rejects, summary = ingested(parquet({**WHOLE, "age": [40, 50]}))
    assert raw == [
        {"_line": 1, "number": 1, "name": "Ann"},
        {"_line": 2, "number": 2, "name": "Bob"},
    ]
    assert rejects == []
    assert summary["warnings"] == ["columns that are not in the contract are ignored: age"]


def test_categories_are_read_as_texts() -> None:
    names = pa.array(["Ann", None]).dictionary_encode()
    raw, _, _ = ingested(parquet({"number": [1, 2], "name": names}))
    assert [row["name"] for row in raw] == ["Ann", None]


def test_a_retyped_column_fails_record_by_record() -> None:
    raw, rejects, _ = ingested(parquet({"number": ["1", "x"], "name": ["Ann", "Bob"]}))
    assert [row["number"] for row in raw] == [1]
    assert [(row["_line"], row["rule"], row["text"]) for row in rejects] == [
        (2, "parse.integer", '{"number":"x","name":"Bob"}')
    ]


def test_a_missing_column_refuses_every_record() -> None:
    _, rejects, summary = ingested(parquet({"nam": ["Ann", "Bob"], "number": [1, 2]}))
    assert "no column name; did you mean nam for name?" in summary["refused"]
    assert [(row["_line"], row["text"]) for row in rejects] == [
        (1, '{"number":1}'),
        (2, '{"number":2}'),
    ]


def test_no_column_of_the_contract_at_all() -> None:
    _, rejects, summary = ingested(parquet({"x": [1]}))
    assert [row["text"] for row in rejects] == ["{}"]
    assert summary["landed"] == 1


def test_an_empty_table_is_an_empty_batch() -> None:
    empty = {"number": pa.array([], pa.int64()), "name": pa.array([], pa.string())}
    raw, rejects, summary = ingested(parquet(empty))
    assert raw == rejects == []
    assert summary["warnings"] == ["the file has a header and no records"]


@pytest.mark.parametrize("kind", [pa.string(), pa.binary()])
def test_a_value_that_is_not_utf8_costs_its_record_alone(kind: pa.DataType) -> None:
    broken = pa.array([b"\xff", b"Bob"]).view(kind)
    raw, rejects, summary = ingested(parquet({"number": [1, 2], "name": broken}))
    assert [row["name"] for row in raw] == ["Bob"]
    assert [(row["_line"], row["rule"]) for row in rejects] == [(1, "parse.encoding")]
    assert rejects[0]["reason"].startswith("name: holds")
    assert summary["refused"] is None


def test_a_date_that_python_has_not_costs_its_record_alone() -> None:
    days = pa.array([2**31 - 1, 0], pa.int32()).view(pa.date32())
    columns = {"number": {"type": "integer"}, "name": {"type": "date"}}
    raw, rejects, _ = ingested(parquet({"number": [1, 2], "name": days}), columns)
    assert [row["number"] for row in raw] == [2]
    assert rejects[0]["reason"] == (
        "name: got '<value out of range: 2147483647>', "
        "wanted a date in the years 1 to 9999 (like 2013-01-31)"
    )


def test_a_list_is_told_by_its_type() -> None:
    _, rejects, _ = ingested(parquet({"number": [1], "name": [[1, 2]]}))
    assert rejects[0]["reason"] == "name: got 'a list<element: int64>', wanted text"


@pytest.mark.parametrize("cut", [5, 100, -9, -1])
def test_a_file_that_is_cut_off_is_refused(cut: int) -> None:
    _, rejects, summary = ingested(parquet(WHOLE)[:cut])
    assert summary["landed"] == 1
    assert rejects[0]["rule"] == "file.parquet"
    assert "deliver it again" in summary["refused"]
