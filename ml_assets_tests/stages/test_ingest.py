"""Every kind of file that people deliver, and what becomes of it."""

from __future__ import annotations

import gzip
import os

import pytest
from hypothesis import example
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets_tests.stages.batches import ingested

PLAIN = b"number,name\n1,Ann\n2,Bob\n"
TWO = [{"_line": 2, "number": 1, "name": "Ann"}, {"_line": 3, "number": 2, "name": "Bob"}]
SECRET = {"number": {"type": "integer"}, "name": {"type": "text", "sensitive": True}}


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"\n", b"\r"),
        gzip.compress(PLAIN, mtime=0),
        gzip.compress(PLAIN[:10], mtime=0) + gzip.compress(PLAIN[10:], mtime=0),
        b"name,number\nAnn,1\nBob,2\n",
        b' "number" , name \n1,Ann\n2,Bob\n',
        b'number,name\n"1","Ann"\n"2",Bob\n',
    ],
    ids=["plain", "bom", "crlf", "cr", "gzip", "gzip twice", "order", "blanks", "quoted"],
)
def test_the_same_two_records(content: bytes) -> None:
    raw, rejects, summary = ingested(content)
    assert raw == TWO
    assert rejects == []
    assert summary == {"landed": 2, "parsed": 2, "rejected": 0, "refused": None, "warnings": []}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "latin-1", "cp1252", "utf-16", "UTF16", "utf-32", "utf-8-sig"]
)
def test_a_declared_encoding_is_read(encoding: str) -> None:
    raw, _, summary = ingested("number,name\n1,Zoë\n".encode(encoding), encoding=encoding)
    assert [row["name"] for row in raw] == ["Zoë"]
    assert summary["refused"] is None


def test_text_that_unicode_cannot_hold_refuses_the_file() -> None:
    _, rejects, summary = ingested(b"number,name\n1,+2AA-\n", encoding="utf-7")
    assert summary["refused"] == "the file is not text in utf-7"
    assert rejects[0]["rule"] == "file.encoding"


def test_bytes_outside_the_encoding_cost_their_record_alone() -> None:
    raw, rejects, summary = ingested(b"number,name\n1,Zo\xeb\n2,Bob\n3\xff\n")
    assert [row["_line"] for row in raw] == [3]
    assert [(row["_line"], row["rule"], row["column"]) for row in rejects] == [
        (2, "parse.encoding", "name"),
        (4, "parse.columns", None),
    ]
    assert rejects[0]["text"] == "1,Zo\N{REPLACEMENT CHARACTER}"
    assert summary["landed"] == 3


def test_a_nul_byte_costs_its_record_alone() -> None:
    raw, rejects, _ = ingested(b"number,name\n1,A\0nn\n2,Bob\n")
    assert [row["_line"] for row in raw] == [3]
    assert [(row["_line"], row["rule"]) for row in rejects] == [(2, "parse.encoding")]


def test_quoted_line_breaks_belong_to_the_value_and_count_as_lines() -> None:
    raw, rejects, _ = ingested(b'number,name\n1,"A\nn\r\nn"\nx,Bob\n3,"Cy"\n')
    assert raw == [
        {"_line": 2, "number": 1, "name": "A\nn\r\nn"},
        {"_line": 6, "number": 3, "name": "Cy"},
    ]
    assert rejects == [
        {
            "_line": 5,
            "rule": "parse.integer",
            "column": "number",
            "reason": "number: got 'x', wanted a whole number (like 517)",
            "text": "x,Bob",
        }
    ]


def test_blank_lines_are_no_records_but_empty_values_are() -> None:
    raw, rejects, summary = ingested(b'\n\nnumber,name\n\n1,Ann\n\n,\n"",""\n\n\n')
    assert rejects == []
    assert [(row["_line"], row["number"], row["name"]) for row in raw] == [
        (5, 1, "Ann"),
        (7, None, None),
        (8, None, None),
    ]
    assert summary["landed"] == 3


def test_blank_lines_of_a_file_with_one_column() -> None:
    raw, _, summary = ingested(b'name\nAnn\n\n""\n', {"name": {"type": "text"}})
    assert [(row["_line"], row["name"]) for row in raw] == [(2, "Ann"), (4, None)]
    assert summary["landed"] == 2


def test_records_of_the_wrong_width_are_rejected_with_their_text() -> None:
    raw, rejects, summary = ingested(b'number,name\n1\n2,Bob\n3,C,"y\nz"\n4,Di\n')
    assert [row["_line"] for row in raw] == [3, 6]
    assert [(row["_line"], row["rule"], row["text"]) for row in rejects] == [
        (2, "parse.columns", "1"),
        (4, "parse.columns", '3,C,"y\nz"'),
    ]
    assert rejects[1]["reason"] == "the record has 3 values, the header 2"
    assert summary["landed"] == 4


@pytest.mark.parametrize("opened", [b'2,"Bob\n', b'"2,Bob\n', b'2,Bo,"b\n'])
def test_a_quote_that_stays_open_rejects_every_line_from_there(opened: bytes) -> None:
    raw, rejects, summary = ingested(b"number,name\n1,Ann\n" + opened + b"3,Cy\n\n4,Di\n")
    assert [row["_line"] for row in raw] == [2]
    assert [(row["_line"], row["rule"]) for row in rejects] == [
        (3, "parse.quote"),
        (4, "parse.quote"),
        (6, "parse.quote"),
    ]
    assert "opened on line 3" in rejects[0]["reason"]
    assert [row["text"] for row in rejects] == [opened.decode().strip(), "3,Cy", "4,Di"]
    assert summary["landed"] == 4


def test_a_file_cut_off_in_a_value_warns() -> None:
    raw, rejects, summary = ingested(PLAIN[:-3])
    assert raw[1]["name"] == "B"
    assert rejects == []
    assert summary["warnings"] == ["the file does not end with a line break; it may be truncated"]


def test_a_file_cut_off_in_a_record_rejects_that_record() -> None:
    raw, rejects, _ = ingested(b"number,name\n1,Ann\n2")
    assert [row["_line"] for row in raw] == [2]
    assert [(row["_line"], row["rule"], row["text"]) for row in rejects] == [
        (3, "parse.columns", "2")
    ]


def test_columns_that_the_contract_does_not_have_are_ignored_with_a_warning() -> None:
    raw, _, summary = ingested(b"age,number,name,\n40,1,Ann,\n50,2,Bob,\n")
    assert raw == TWO
    assert summary["warnings"] == [
        "columns that are not in the contract are ignored: age, (no name)"
    ]


def test_a_renamed_column_refuses_the_file_and_names_the_nearest() -> None:
    raw, rejects, summary = ingested(b"numbr,name\n1,Ann\n2\n")
    assert raw == []
    assert summary["refused"] == (
        "no column number; did you mean numbr for number?; columns that are "
        "not in the contract: numbr; use the contract's names, or change the contract "
        "(`source` names another column)"
    )
    assert [(row["_line"], row["rule"], row["text"]) for row in rejects] == [
        (2, "file.columns", "1,Ann"),
        (3, "file.columns", "2"),
    ]
    assert summary["landed"] == summary["rejected"] == 2


def test_another_delimiter_is_named() -> None:
    _, _, summary = ingested(b"number;name\n1;Ann\n")
    assert "the header contains a semicolon: set landing.delimiter" in summary["refused"]
    raw, _, _ = ingested(b"number;name\n1;Ann\n2;Bob\n", delimiter=";")
    assert raw == TWO


def test_a_column_that_stands_twice_refuses_the_file() -> None:
    _, rejects, summary = ingested(b"number,name,name\n1,Ann,Anna\n")
    assert summary["refused"] == "duplicate columns in the header: name; remove or rename them"
    assert len(rejects) == 1


def test_missing_columns_and_no_records_still_leave_a_trace() -> None:
    _, rejects, summary = ingested(b"numbr,name\n")
    assert summary["landed"] == 1
    assert [(row["_line"], row["rule"]) for row in rejects] == [(1, "file.columns")]


def test_a_header_alone_is_an_empty_batch() -> None:
    raw, rejects, summary = ingested(b"number,name\n")
    assert raw == rejects == []
    assert summary["refused"] is None
    assert summary["warnings"] == ["the file has a header and no records"]


@pytest.mark.parametrize("end", "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e")
def test_records_that_nothing_ends_refuse_the_file(end: str) -> None:
    content = end.join(["number,name", *(f"{row},x" for row in range(10)), ""])
    raw, rejects, summary = ingested(content.encode())
    assert raw == []
    assert summary["landed"] == len(rejects) == 1
    assert rejects[0]["rule"] == "file.header"
    assert f"U+{ord(end):04X}" in summary["refused"]


def test_such_a_character_within_a_value_is_of_the_value() -> None:
    raw, _, _ = ingested("number,name\n1,A\u2028nn\n".encode())
    assert [row["name"] for row in raw] == ["A\u2028nn"]


@pytest.mark.parametrize(
    ("content", "rule", "said"),
    [
        (b"", "file.empty", "the file is empty (0 bytes)"),
        (b"\n \r\n", "file.empty", "the file is empty"),
        (b"\xef\xbb\xbf", "file.empty", "the file is empty"),
        (gzip.compress(b"", mtime=0), "file.empty", "the file is empty"),
        (gzip.compress(PLAIN * 99, mtime=0)[:-9], "file.gzip", "damaged or truncated"),
        (gzip.compress(PLAIN, mtime=0)[:9] + b"junkjunk", "file.gzip", "damaged or truncated"),
        (b"PK\x03\x04 an archive", "file.format", "a zip archive; unpack it"),
        ("number,name\n1,Ann\n".encode("utf-16"), "file.encoding", "the file is UTF-16"),
        (b"\x00\x01\x02\x80binary\n\x00", "file.binary", "the file is not text"),
        (b"\x80\x81,\x82\n1,2\n", "file.binary", "the file is not text"),
        (b'number,"name\n1,Ann\n', "file.header", "a quote in the header is never closed"),
        (b"a" * 200_000 + b"\n1\n", "file.header", "the header cannot be read"),
        (b"sep=;\nnumber;name\n1;Ann\n", "file.header", "set landing.delimiter to ';'"),
        (b"PAR1 but no Parquet", "file.parquet", "the Parquet file is damaged or truncated"),
    ],
)
def test_an_unreadable_file_is_one_refused_record(content: bytes, rule: str, said: str) -> None:
    raw, rejects, summary = ingested(content)
    assert raw == []
    assert [(row["_line"], row["rule"]) for row in rejects] == [(1, rule)]
    assert said in summary["refused"]
    assert summary["landed"] == summary["rejected"] == 1
    assert len(rejects[0]["text"]) <= 4 * 64


def test_a_quote_escaped_by_a_backslash_is_said_and_not_mangled() -> None:
    content = rb"""number,name
1,"a \"quoted\" b"
2,"C:\"
3,5\" pipe
4,"a ""b"" \"
5,"x\"y"
"""
    raw, rejects, summary = ingested(content)
    assert [(row["number"], row["name"]) for row in raw] == [
        (2, "C:\\"),
        (3, '5\\" pipe'),
        (4, 'a "b" \\'),
    ]
    assert [(row["_line"], row["rule"]) for row in rejects] == [
        (2, "parse.quote"),
        (6, "parse.quote"),
    ]
    assert rejects[0]["text"] == '1,"a \\"quoted\\" b"'
    assert 'wanted ""' in rejects[0]["reason"]
    assert summary["landed"] == 5
    _, (split,), _ = ingested(b'number,name\n1,"a \\"x, y\\" b"\n')
    assert split["reason"].startswith("the record has 3 values, the header 2; a quote within")


def test_null_values_are_missing_in_every_type() -> None:
    raw, _, _ = ingested(b'number,name\nNA,NA\n"",""\n-,-\n', null_values=["", "NA", "-"])
    assert {(row["number"], row["name"]) for row in raw} == {(None, None)}


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_column_has_null_values_of_its_own(quote: str) -> None:
    columns = {"land": {"type": "category", "null_values": [""]}, "size": {"type": "integer"}}
    content = "land,size\nNA,NA\n,\nDE,1\n".replace("NA", f"{quote}NA{quote}")
    raw, rejects, _ = ingested(content.encode(), columns)
    assert [(row["land"], row["size"]) for row in raw] == [("NA", None), (None, None), ("DE", 1)]
    assert rejects == []


def test_a_text_that_is_no_null_value_stays() -> None:
    raw, rejects, _ = ingested(b"number,name\n1,\nNA,NA\n", null_values=["NA"])
    assert [(row["number"], row["name"]) for row in raw] == [(1, ""), (None, None)]
    assert rejects == []


def test_a_record_with_several_bad_values_says_them_all() -> None:
    columns = {"a": {"type": "integer"}, "b": {"type": "date"}, "c": {"type": "boolean"}}
    _, rejects, _ = ingested(b"a,b,c\n1.5,2013-02-30,yes\n1,2013-02-28,no\n", columns)
    assert len(rejects) == 1
    assert rejects[0]["rule"] == "parse.integer"
    assert rejects[0]["column"] == "a"
    assert rejects[0]["reason"] == (
        "a: got '1.5', wanted a whole number (like 517); "
        "b: got '2013-02-30', wanted a date in the years 1 to 9999 (like 2013-02-30)".replace(
            "like 2013-02-30", "like 2013-01-31"
        )
    )


@pytest.mark.parametrize(
    "content",
    [
        b"number,name\nx,Hush\n1,Ann\n",
        b'number,name\n1,Hush,2\n1,"Hush\n',
        b"numbr,name\n1,Hush\nHush\n",
        b"number,nam\n1,Hush\n",
        b"5,Hush\n6,Ann\n",
        b"Hush",
        b"PK\x03\x04 Hush",
        b"number,name\n1,Hush\xff\n",
    ],
)
def test_nothing_of_a_sensitive_column_is_shown(content: bytes) -> None:
    _, rejects, summary = ingested(content, SECRET)
    assert rejects
    assert "Hush" not in f"{rejects}{summary}"


def test_the_other_columns_of_a_sensitive_contract_are_shown() -> None:
    _, rejects, _ = ingested(b"number,name\nx,Hush\n", SECRET)
    assert rejects[0]["text"] == '{"number":"x","name":"***"}'
    columns = {"number": {"type": "integer", "sensitive": True}, "name": {"type": "text"}}
    _, rejects, _ = ingested(b"number,name\nx7,Ann\n", columns)
    assert "x7" not in f"{rejects}"
    assert rejects[0]["text"] == '{"number":"***","name":"Ann"}'


def test_a_long_record_is_shortened() -> None:
    _, rejects, _ = ingested(b"number,name\nx," + b"a" * 9000 + b"\n")
    assert len(rejects[0]["text"]) == 2000
    assert rejects[0]["text"].endswith("…")


TEXTS = st.text(st.sampled_from(list('ab ,"\r\n\té')), max_size=6)


def quoted(value: str, always: bool) -> str:
    """Return a value as CSV has it, in quotes where it must be or always."""
    if always or not value or any(mark in value for mark in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


@drawn(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_what_a_csv_writer_writes_is_read_back(
    records: list[tuple[str, str]], ending: str, always: bool
) -> None:
    """Each value comes back, and `_line` is the physical line where its record starts."""
    written, lines = "a,b" + ending, []
    for record in records:
        lines.append(len((written + "x").encode().splitlines()))
        written += ",".join(quoted(value, always) for value in record) + ending
    columns = {"a": {"type": "text"}, "b": {"type": "text"}}
    raw, rejects, _ = ingested(written.encode(), columns, null_values=["NULL"])
    assert rejects == []
    assert [(row["a"], row["b"]) for row in raw] == records
    assert [row["_line"] for row in raw] == lines


def test_a_byte_order_mark_after_the_header_is_of_its_value() -> None:
    raw, rejects, _ = ingested(b"number,name\n\xef\xbb\xbf1,Ann\n2,Bob\n")
    assert [(row["number"], row["name"]) for row in raw] == [(2, "Bob")]
    assert [(row["_line"], row["text"]) for row in rejects] == [(2, "\ufeff1,Ann")]
    columns = {"name": {"type": "text"}, "city": {"type": "text"}}
    raw, rejects, _ = ingested(b'name,city\n\xef\xbb\xbf"Ann",Oslo\n', columns)
    assert [(row["name"], row["city"]) for row in raw] == [('\ufeff"Ann"', "Oslo")]


@example(content=b"\xef\xbb\xbf", headed=True)
@drawn(st.binary(max_size=200), st.booleans())
def test_no_bytes_make_it_raise(content: bytes, headed: bool) -> None:
    _, rejects, summary = ingested(b"number,name\n" * headed + content)
    assert summary["landed"] == summary["parsed"] + summary["rejected"]
    assert summary["rejected"] == len(rejects)
    assert (summary["refused"] is None) or rejects


@drawn(st.text(st.sampled_from(list('ab1,"\r\n\0é ')), max_size=60))
def test_every_line_of_a_messy_file_is_in_one_record_at_most(content: str) -> None:
    raw, rejects, summary = ingested(b"number,name\n" + content.encode())
    lines = [row["_line"] for row in (*raw, *rejects)]
    assert len(set(lines)) == len(lines) == summary["landed"]
    assert all(1 < line <= len(content.encode().splitlines()) + 1 for line in lines)


def test_a_large_file_needs_no_threads_to_keep_its_line_numbers() -> None:
    body = b"1,Ann\n" * 50_000 + b"x,Bob\n" + b"2,Cy\n" * 50_000 + b'3,"D\n' + b"4,Ed\n"
    _, rejects, summary = ingested(b"number,name\n" + body)
    assert [(row["_line"], row["rule"]) for row in rejects] == [
        (50_002, "parse.integer"),
        (100_003, "parse.quote"),
        (100_004, "parse.quote"),
    ]
    assert summary["landed"] == 100_003


def test_no_file_is_named_in_a_message() -> None:
    _, _, summary = ingested(b"numbr,name\n")
    assert os.sep not in summary["refused"]
