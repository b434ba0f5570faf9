"""Delimited text of every dialect that a spec can declare."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets.stages.ingest.dialect import squeezed
from ml_assets_tests.stages.batches import ingested

TWO = [(2, 1, "Ann"), (3, 2, "Bob")]


def read(content: bytes, **landing: Any) -> list[tuple[int, int, str]]:
    """Return line, number and name of each record; none may be rejected."""
    raw, rejects, summary = ingested(content, **landing)
    assert (rejects, summary["refused"]) == ([], None)
    return [(row["_line"], row["number"], row["name"]) for row in raw]


@pytest.mark.parametrize(
    ("content", "landing"),
    [
        (b"number\tname\n1\tAnn\n2\tBob\n", {"delimiter": "\t"}),
        (b"number\tname\n1\tAnn\n2\tBob\n", {"delimiter": r"\t"}),
        (b"number name\n1 Ann\n2 Bob\n", {"delimiter": " "}),
        (b"  number   name\n1 \t Ann  \n  2 'Bob'\t\r\n", {"delimiter": " ", "quote": "'"}),
        (b"'number'|'name'\n'1'|'Ann'\n2|Bob\n", {"delimiter": "|", "quote": "'"}),
    ],
)
def test_the_same_two_records(content: bytes, landing: dict[str, Any]) -> None:
    assert read(content, **landing) == TWO


def test_values_aligned_by_blanks() -> None:
    text = b'number name\n\n 1   "An  n\n  x" \n   \n2 \t b"c\n'
    assert read(text, delimiter=" ") == [(3, 1, "An  n\n  x"), (6, 2, 'b"c')]


@drawn(
    rows=st.lists(st.tuples(st.integers(), st.text("ab'c", min_size=1)), min_size=1),
    gaps=st.lists(st.sampled_from([" ", "  ", "\t", " \t "]), min_size=3),
)
def test_blanks_between_values_do_not_matter(rows: list[tuple[int, str]], gaps: list[str]) -> None:
    plain = "\n".join(f"{number} {name}" for number, name in rows)
    wide = "\n".join(f"{gaps[0]}{number}{gaps[1]}{name}{gaps[2]}" for number, name in rows)
    assert squeezed(wide.encode(), '"').decode() == plain
    quoted = f'"a  b" {wide}'
    assert squeezed(quoted.encode(), '"').decode() == f'"a  b" {plain}'


def test_another_quote() -> None:
    text = b"number,name\n1,'A,''n\n'\n2,\"B\n"
    assert read(text, quote="'") == [(2, 1, "A,'n\n"), (4, 2, '"B')]
    _, rejects, _ = ingested(b"number,name\n1,'A\\'n'\n", quote="'")
    assert rejects[0]["reason"] == r"a quote within a quoted value is written \', wanted ''"


def test_quotes_that_mean_nothing() -> None:
    assert read(b'number,name\n1,"Ann\n2,B"o"b\n', quote="") == [(2, 1, '"Ann'), (3, 2, 'B"o"b')]


def test_no_header() -> None:
    raw, rejects, _ = ingested(b"\n1,Ann\n2\n2,Bob\n", header=False)
    assert [(row["_line"], row["number"], row["name"]) for row in raw] == [
        (2, 1, "Ann"),
        (4, 2, "Bob"),
    ]
    assert rejects[0]["reason"] == "the record has 1 values, the contract 2"


def test_columns_of_a_file_without_a_header_are_the_sources_in_order() -> None:
    columns = {
        "at": {"type": "timestamp", "source": ["day", "clock"]},
        "day": {"type": "text"},
        "name": {"type": "text"},
    }
    raw, _, _ = ingested(b"2024-01-01,10:00,Ann\n", columns, header=False)
    assert (raw[0]["at"].isoformat(), raw[0]["day"], raw[0]["name"]) == (
        "2024-01-01T10:00:00+00:00",
        "2024-01-01",
        "Ann",
    )


def test_lines_before_the_header() -> None:
    text = b'report of "May\r\nsep=,\rnumber,name\n1,Ann\n'
    assert read(text, skip_lines=2) == [(4, 1, "Ann")]
    assert read(b"x\n1,Ann\n", skip_lines=1, header=False) == [(2, 1, "Ann")]


@pytest.mark.parametrize(
    ("content", "lines", "wanted"),
    [
        (b"number,name\n1,Ann\n", 2, "nothing is left after landing.skip_lines (2)"),
        (b"number,name\n1,Ann", 2, "the file has 2 lines, and landing.skip_lines is 2"),
        (b"number,name\n1,Ann\n", 9, "the file has 3 lines, and landing.skip_lines is 9"),
    ],
)
def test_more_lines_to_skip_than_there_are(content: bytes, lines: int, wanted: str) -> None:
    _, rejects, summary = ingested(content, skip_lines=lines)
    assert summary["refused"].startswith(wanted)
    assert [row["rule"] for row in rejects] == ["file.header"]
