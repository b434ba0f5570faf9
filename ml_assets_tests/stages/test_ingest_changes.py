"""Columns that are new, gone or of another type, and what the spec says is done."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.stages.clean import clean
from ml_assets.stages.ingest import ingest
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import clean_spec, ingest_spec

NEW = b"number,name,x\n1,Ann,NA\n2,Bob,7\n"
GONE = b"number,nam\n1,Ann\n2,Bob\n"
TYPE = b"number,name\n1,Ann\nzwei,Bob\n"


def read(content: bytes, columns: dict[str, Any] | None = None, **asked: str) -> Any:
    """Return raw's values, line and rule of each reject, and the summary."""
    spec = ingest_spec(columns).model_copy(update=asked)
    found = ingest(spec, landed=given(content)).outputs
    raw = [[v for k, v in row.items() if k != "_line"] for row in found["raw"].to_pylist()]
    rejects = [(row["_line"], row["rule"]) for row in found["rejects"].to_pylist()]
    return raw, rejects, found["summary"]


@pytest.mark.parametrize("on", ["ignore", "propose"])
def test_a_new_column_is_left_out(on: str) -> None:
    raw, rejects, summary = read(NEW, on_new_column=on)
    assert (raw, rejects) == ([[1, "Ann"], [2, "Bob"]], [])
    said = "columns that are not in the contract are ignored: x"
    asks = "; ml-assets propose people says what to change"
    assert summary["warnings"] == [said + (asks if on == "propose" else "")]
    assert summary.get("proposed") == (["column 'x' is new"] if on == "propose" else None)


def test_records_with_a_value_in_a_new_column_are_set_apart() -> None:
    raw, rejects, summary = read(NEW, on_new_column="quarantine")
    assert (raw, rejects) == ([[1, "Ann"]], [(3, "column.new")])
    assert (summary["landed"], summary["parsed"], summary["rejected"]) == (2, 1, 1)


def test_a_record_that_fails_twice_is_rejected_once() -> None:
    content = b"number,name,x\nzwei,Ann,7\n"
    raw, rejects, summary = read(content, on_new_column="quarantine")
    assert (raw, rejects, summary["rejected"]) == ([], [(2, "parse.integer")], 1)


def test_a_new_column_refuses_the_file() -> None:
    raw, rejects, summary = read(NEW, on_new_column="refuse")
    assert (raw, rejects) == ([], [(2, "file.columns"), (3, "file.columns")])
    assert summary["refused"] == (
        "columns that are not in the contract: x (on_new_column: refuse); add them to the contract "
        "(ml-assets propose people --column x), or deliver the file without them"
    )


def test_a_missing_column_is_taken_as_missing_values() -> None:
    raw, rejects, summary = read(GONE, on_missing_column="ignore")
    assert (raw, rejects) == ([[1, None], [2, None]], [])
    assert summary["warnings"] == [
        "no column name: taken as missing (on_missing_column: ignore)",
        "columns that are not in the contract are ignored: nam",
    ]


def test_all_records_of_a_file_that_lacks_a_column_are_set_apart() -> None:
    raw, rejects, summary = read(GONE, on_missing_column="quarantine")
    assert (raw, rejects) == ([], [(2, "column.missing"), (3, "column.missing")])
    assert summary["refused"] is None


@pytest.mark.parametrize("on", ["refuse", "propose"])
def test_a_missing_column_refuses_the_file(on: str) -> None:
    _, rejects, summary = read(GONE, on_missing_column=on)
    assert rejects == [(2, "file.columns"), (3, "file.columns")]
    assert "no column name; did you mean nam for name?" in summary["refused"]
    assert ("ml-assets propose people" in summary["refused"]) == (on == "propose")
    assert summary.get("proposed") == (["column 'name' is missing"] if on == "propose" else None)


def test_a_file_with_few_of_the_columns_is_another_file() -> None:
    secret = {name: {"type": "text", "sensitive": True} for name in ("number", "name", "street")}
    content = b"name,Ann Lee\nBob,1\n"
    for on in ("ignore", "quarantine", "propose"):
        _, _, summary = read(content, secret, on_missing_column=on, on_new_column="refuse")
        assert "no column number, street" in summary["refused"]
        assert "Ann Lee" not in summary["refused"]


@pytest.mark.parametrize("on", ["quarantine", "propose"])
def test_a_value_of_another_type_costs_its_record(on: str) -> None:
    raw, rejects, summary = read(TYPE, on_type_change=on)
    assert (raw, rejects) == ([[1, "Ann"]], [(3, "parse.integer")])
    said = ["number: 1 value is no integer"] if on == "propose" else None
    assert summary.get("proposed") == said


def test_a_value_of_another_type_is_taken_as_missing() -> None:
    raw, rejects, summary = read(TYPE, on_type_change="ignore")
    assert (raw, rejects) == ([[1, "Ann"], [None, "Bob"]], [])
    said = "number: 1 value is no integer: taken as missing (on_type_change: ignore)"
    assert summary["warnings"] == [said]


def test_damaged_text_is_no_change_of_type() -> None:
    content = b"number,name\n1,Ann\n2,Bo\xff\n"
    raw, rejects, _ = read(content, on_type_change="ignore")
    assert (raw, rejects) == ([[1, "Ann"]], [(3, "parse.encoding")])


@pytest.mark.parametrize("sensitive", [False, True])
def test_a_value_of_another_type_refuses_the_file(sensitive: bool) -> None:
    columns = {
        "number": {"type": "integer", "sensitive": sensitive},
        "name": {"type": "text"},
    }
    _, rejects, summary = read(TYPE, columns, on_type_change="refuse")
    assert rejects == [(2, "file.type"), (3, "file.type")]
    assert "number: 1 value is no integer (on_type_change: refuse)" in summary["refused"]
    assert "on line 3" in summary["refused"]
    assert ("zwei" in summary["refused"]) == (not sensitive)


def test_what_to_ask_about_is_in_the_account_of_the_batch() -> None:
    spec = ingest_spec().model_copy(update={"on_new_column": "propose"})
    found = ingest(spec, landed=given(NEW)).outputs
    done = clean(clean_spec(), **{name: given(value) for name, value in found.items()})
    assert done.outputs["summary"]["proposed"] == ["column 'x' is new"]
