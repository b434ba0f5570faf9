"""Excel workbooks: sheets, rows, types of cells, and what is damaged."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import re
import zipfile
from typing import Any

import openpyxl
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from ml_assets_tests.stages.batches import ingested

UTC = dt.UTC


def book(*sheets: list[list[Any]]) -> bytes:
    """Return a workbook with the sheets A, B, …"""
    made = openpyxl.Workbook()
    made.remove(made.worksheets[0])
    for number, rows in enumerate(sheets):
        sheet = made.create_sheet("ABC"[number])
        for at, row in enumerate(rows, 1):
            for place, cell in enumerate(row, 1):
                sheet.cell(at, place, cell)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def without_sheets(content: bytes) -> bytes:
    """Return the workbook with an empty list of sheets."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(made, "w") as after:
        for name in before.namelist():
            after.writestr(name, re.sub(rb"<sheet [^>]*>", b"", before.read(name)))
    return made.getvalue()


def of_version(content: bytes, version: int) -> bytes:
    """Return the archive with an entry that needs a later version of the format."""
    at = content.index(b"PK\x01\x02") + 6
    return content[:at] + bytes([version]) + content[at + 1 :]


PEOPLE = [["number", " name "], [1, "Ann"], [], [2, "Bob"]]
TWO = [{"_line": 2, "number": 1, "name": "Ann"}, {"_line": 4, "number": 2, "name": "Bob"}]


@pytest.mark.parametrize("packed", [False, True])
def test_a_records_line_is_its_row(packed: bool) -> None:
    content = book(PEOPLE)
    raw, rejects, summary = ingested(gzip.compress(content) if packed else content)
    assert (raw, rejects, summary["warnings"]) == (TWO, [], [])


def test_rows_before_the_header_and_none() -> None:
    content = book([["Report", "of May"], [], *PEOPLE])
    raw, _, _ = ingested(content, skip_lines=1)
    assert [(row["_line"], row["name"]) for row in raw] == [(4, "Ann"), (6, "Bob")]
    raw, _, summary = ingested(content, skip_lines=3, header=False)
    assert [(row["_line"], row["name"]) for row in raw] == [(4, "Ann"), (6, "Bob")]
    _, _, summary = ingested(content, skip_lines=9)
    assert summary["refused"] == (
        "the sheet 'A' is empty after landing.skip_lines (9); wanted at least a header"
    )


def test_a_sheet_is_chosen() -> None:
    content = book(PEOPLE, [["number", "name"], [7, "Cy"]])
    raw, _, summary = ingested(content)
    assert raw == TWO
    assert summary["warnings"] == [
        "only the first sheet, A, was read, not B; landing.sheet names another"
    ]
    raw, _, summary = ingested(content, sheet="B")
    assert ([row["name"] for row in raw], summary["warnings"]) == (["Cy"], [])
    _, rejects, summary = ingested(content, sheet="b")
    assert summary["refused"] == "no sheet 'b'; available: A, B"
    assert rejects[0]["rule"] == "file.sheet"


TYPES: dict[str, Any] = {
    "whole": {"type": "integer"},
    "code": {"type": "text"},
    "real": {"type": "number"},
    "at": {"type": "timestamp", "zone": "Europe/Berlin"},
    "day": {"type": "date"},
    "yes": {"type": "boolean"},
}


def test_cells_have_types() -> None:
    at = dt.datetime(2024, 6, 1, 12, 30)
    rows = [[*TYPES], [2**53, 49170001111, 1.5, at, dt.date(2024, 6, 1), True]]
    rows += [[None] * 6, [None, 1.5, 2, None, None, False]]
    raw, rejects, _ = ingested(book(rows), TYPES)
    assert rejects == []
    assert [list(row.values()) for row in raw] == [
        [2, 2**53, "49170001111", 1.5, at.replace(hour=10, tzinfo=UTC), dt.date(2024, 6, 1), True],
        [4, None, "1.5", 2.0, None, None, False],
    ]


def test_cells_of_several_types_in_a_column() -> None:
    columns: dict[str, Any] = {
        "x": {"type": "number", "decimal": ",", "thousands": ".", "null_values": ["Calm", ""]},
        "day": {"type": "date", "format": ["%d/%m/%Y", "%Y-%m-%d"]},
        "note": {"type": "text"},
    }
    rows: list[list[Any]] = [["x", "day", "note"], [1.234, dt.date(2024, 12, 1), 1.0]]
    rows += [["1.234,5", "31/12/2024", True], ["Calm", "2024-01-02", dt.datetime(2024, 1, 2, 3)]]
    raw, rejects, _ = ingested(book(rows), columns)
    assert rejects == []
    assert [list(row.values())[1:] for row in raw] == [
        [1.234, dt.date(2024, 12, 1), "1"],
        [1234.5, dt.date(2024, 12, 31), "true"],
        [None, dt.date(2024, 1, 2), "2024-01-02T03:00:00"],
    ]


def test_a_day_and_a_clock() -> None:
    columns = {"at": {"type": "timestamp", "source": ["day", "clock"]}}
    rows = [["day", "clock"], [dt.date(2024, 1, 2), dt.time(12, 51)]]
    raw, _, _ = ingested(book(rows), columns)
    assert raw[0]["at"] == dt.datetime(2024, 1, 2, 12, 51, tzinfo=UTC)
    columns["at"]["format"] = "%Y-%m-%d %I:%M %p"
    raw, _, _ = ingested(book([["day", "clock"], [dt.date(2024, 1, 2), "12:51 AM"]]), columns)
    assert raw[0]["at"] == dt.datetime(2024, 1, 2, 0, 51, tzinfo=UTC)


def test_errors_and_formulas_without_a_value_are_missing() -> None:
    rows = [["number", "name"], [1, "#N/A"], [2, "=A2&A3"]]
    raw, _, summary = ingested(book(rows))
    assert [row["name"] for row in raw] == [None, None]
    assert summary["warnings"] == [
        "formulas without a stored value were read as missing; open the workbook in Excel, save it "
        "and deliver it again"
    ]


def test_the_stored_value_of_a_formula_is_read() -> None:
    given, found = io.BytesIO(book([["number", "name"], ["=1+1", "Ann"]])), io.BytesIO()
    with zipfile.ZipFile(given) as before, zipfile.ZipFile(found, "w") as after:
        for name in before.namelist():
            stored = re.sub(rb"<v ?/>|<v></v>", b"<v>2</v>", before.read(name))
            after.writestr(name, stored)
    raw, _, summary = ingested(found.getvalue())
    assert ([row["number"] for row in raw], summary["warnings"]) == ([2], [])


def test_a_value_that_does_not_parse_is_shown_with_its_record() -> None:
    _, rejects, _ = ingested(book([["number", "name"], [1.5, "Ann"]]))
    assert rejects == [
        {
            "_line": 2,
            "rule": "parse.integer",
            "column": "number",
            "reason": "number: got 1.5, wanted a whole number (like 517)",
            "text": '{"number":1.5,"name":"Ann"}',
        }
    ]


@pytest.mark.parametrize(
    ("content", "rule", "wanted"),
    [
        (book(PEOPLE)[:-200], "file.excel", "the workbook is damaged or truncated"),
        (without_sheets(book(PEOPLE)), "file.excel", "the workbook is damaged (it lists no sheet)"),
        (of_version(book(PEOPLE), 99), "file.excel", "the workbook is damaged or truncated (zip"),
        (b"PK\x03\x04 notes.txt", "file.format", "the file is a zip archive; unpack it; wanted"),
        (
            b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"),
            "file.excel",
            "the workbook has a password; save it without one",
        ),
        (b"\xd0\xcf\x11\xe0 old", "file.format", "the file is an old Excel workbook"),
        (book([]), "file.empty", "the sheet 'A' is empty; wanted at least a header"),
        (book([["number"], [1]]), "file.columns", "no column name"),
    ],
)
def test_what_cannot_be_read_is_refused(content: bytes, rule: str, wanted: str) -> None:
    raw, rejects, summary = ingested(content)
    assert raw == []
    assert summary["refused"].startswith(wanted)
    assert {row["rule"] for row in rejects} == {rule}


def test_a_sheet_without_header_has_the_contracts_columns() -> None:
    _, _, summary = ingested(book([[1, "Ann", "x"]]), header=False)
    assert summary["refused"] == (
        "the sheet has 3 columns, the contract 2; declare them all, or add a header"
    )
    raw, _, _ = ingested(book([[1]]), header=False)
    assert raw == [{"_line": 1, "number": 1, "name": None}]


def test_a_header_alone_is_an_empty_batch() -> None:
    raw, rejects, summary = ingested(book([["number", "name"]]))
    assert (raw, rejects) == ([], [])
    assert summary["warnings"] == ["the file has a header and no records"]


WHOLE = book(PEOPLE)
"""The same bytes each time: a workbook holds the time at which it was made."""


@settings(max_examples=50)
@drawn(st.data())
def test_damaged_bytes_are_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(4, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    raw, rejects, summary = ingested(bytes(content))
    assert summary["landed"] == len(raw) + len(rejects)
