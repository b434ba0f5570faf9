"""JSON Lines: what becomes of each kind of line and value."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets_tests.stages.batches import ingested

ANN = b'{"number": 1, "name": "Ann"}\n'


def read(lines: bytes, columns: dict[str, Any] | None = None, **landing: Any) -> list[Any]:
    """Return the records' values; none may be rejected."""
    raw, rejects, summary = ingested(lines, columns, **landing)
    assert (rejects, summary["refused"]) == ([], None)
    return [[value for name, value in row.items() if name != "_line"] for row in raw]


@pytest.mark.parametrize(
    "content",
    [
        ANN,
        gzip.compress(ANN, mtime=0),
        b"\xef\xbb\xbf\r\n" + ANN,
        b'{"name":"Ann","more":[],"number":"1"}',
        b'{"name":"\\u0041nn","number":1.0}\n\n',
    ],
)
def test_the_same_record(content: bytes) -> None:
    assert read(content) == [[1, "Ann"]]


def test_another_encoding() -> None:
    content = '{"number": 1, "name": "Zoë"}\n'
    assert read(content.encode("utf-16"), encoding="utf-16") == [[1, "Zoë"]]
    assert read(content.encode("latin-1"), encoding="latin-1") == [[1, "Zoë"]]


def test_fields_that_are_missing() -> None:
    lines = b'{"number": 1}\n{"name": null, "number": NaN}\n{"name": "NA"}\n{"name": " "}\n{}\n'
    assert read(lines) == [[1, None], [None, None], [None, None], [None, None], [None, None]]


def test_a_field_that_no_record_has_refuses_the_file() -> None:
    _, _, summary = ingested(b'{"number": 1, "nam": "x"}\n')
    assert "no column name; did you mean nam for name?" in summary["refused"]


def test_every_digit_is_kept() -> None:
    columns = {"a": {"type": "integer"}, "b": {"type": "text"}, "c": {"type": "number"}}
    lines = b'{"a": 9223372036854775807, "b": 123456789012345678901234567890, "c": 1e-3}\n'
    lines += b'{"a": 1582218195625939001, "b": 1.50, "c": 1582218195625939000}\n'
    assert read(lines, columns) == [
        [2**63 - 1, "123456789012345678901234567890", 1e-3],
        [1582218195625939001, "1.50", 1582218195625939000.0],
    ]


def test_nested_values_are_their_json() -> None:
    columns = {"a": {"type": "text"}, "b": {"type": "boolean"}}
    lines = '{"a": {"x": [1.50, "ü\\n", true, null]}, "b": true}\n{"a": [], "b": "f"}\n'
    assert read(lines.encode(), columns) == [
        ['{"x":[1.50,"ü\\n",true,null]}', True],
        ["[]", False],
    ]
    _, rejects, _ = ingested(b'{"number": [1], "name": "Ann"}\n')
    assert rejects[0]["reason"] == "number: got '[1]', wanted a whole number (like 517)"


def test_numbers_beside_texts_with_marks() -> None:
    columns = {"x": {"type": "number", "decimal": ",", "thousands": "."}}
    assert read(b'{"x": "1.234,5"}\n{"x": 1.234}\n{"x": "1.234"}\n', columns) == [
        [1234.5],
        [1.234],
        [1234.0],
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"number": 1', "not JSON: Expecting ',' delimiter at character 13"),
        (b"[1]", "the line is not an object"),
        (b'{"number": 1, "number": 2}', "the field 'number' stands there twice"),
        (
            b'{"name": "\\ud800"}',
            "half of a pair of surrogates, which is not a character",
        ),
        (b'{"name": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_line_that_is_no_record_is_rejected_alone(line: bytes, reason: str) -> None:
    raw, rejects, summary = ingested(ANN + line + b"\n" + ANN)
    assert [row["_line"] for row in raw] == [1, 3]
    assert [(row["_line"], row["rule"], row["reason"]) for row in rejects] == [
        (2, "parse.json", reason)
    ]
    assert summary["landed"] == 3


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert read(b'{"number": 1, "name": "\\ud83d\\ude00"}\n') == [[1, "\N{GRINNING FACE}"]]


def test_a_nul_byte_costs_its_record_alone() -> None:
    _, rejects, _ = ingested(ANN + b'{"number": 2, "name": "a\\u0000"}\n')
    assert [(row["_line"], row["rule"]) for row in rejects] == [(2, "parse.encoding")]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b'{\n  "number": 1\n}\n', "no line of the file is a JSON object (not JSON: Expecting"),
        (b'[{"number": 1}]', "the file is one JSON array; wanted CSV or JSON Lines"),
    ],
)
def test_other_json_is_refused(content: bytes, wanted: str) -> None:
    raw, _, summary = ingested(content)
    assert raw == []
    assert summary["refused"].startswith(wanted)


def test_a_csv_header_may_begin_with_a_brace() -> None:
    assert read(b"{number},name\n1,Ann\n", {"{number}": {"type": "integer"}}) == [[1]]


@drawn(
    rows=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "number": st.none() | st.integers(-(2**63), 2**63 - 1),
                "name": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
            },
        ),
        max_size=5,
    ),
    ascii_only=st.booleans(),
)
def test_what_is_written_reads_back(rows: list[dict[str, Any]], ascii_only: bool) -> None:
    rows = [{"number": 0, "name": "x"}, *rows]
    text = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    raw, rejects, _ = ingested(text.encode(), null_values=[])
    assert len(raw) + len(rejects) == len(rows)
    for row in raw:
        given = rows[row["_line"] - 1]
        assert (row["number"], row["name"]) == (given.get("number"), given.get("name"))
    for reject in rejects:
        assert "\0" in rows[reject["_line"] - 1]["name"]
