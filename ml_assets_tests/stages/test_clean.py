"""Cleaning steps, filters, budget, quarantine; and the row accounting as a property."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets.stages.check import key_unique, row_accounting
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import brief, clean_spec, cleaned, rows

COLUMNS: dict[str, Any] = {
    "id": {"type": "integer", "nullable": False},
    "age": {"type": "number", "range": [0, 120], "unit": "years"},
    "name": {"type": "text", "sensitive": True, "pattern": "[A-Z].*"},
    "team": {"type": "category", "allowed": ["red", "blue"]},
}
SPEC = clean_spec(
    COLUMNS,
    key=["id"],
    rules=[{"id": "adult", "expression": "age >= 18 | team != 'red'", "reason": "red is adult"}],
    filters=[
        {"id": "gone", "expression": "age.isna()", "reason": "left"},
        {"id": "old", "expression": "age > 100", "reason": "retired"},
    ],
    cleaning=[
        {"op": "strip", "columns": ["team", "name"]},
        {"op": "lower", "columns": ["team"]},
        {"op": "replace", "columns": ["team"], "values": {"rot": "red", "none": None}},
    ],
    quarantine_budget=1.0,
)
HEADER = b"id,age,name,team\n"


def test_each_record_goes_where_it_belongs() -> None:
    result = cleaned(
        HEADER
        + b"1,40,Ann, RED \n"  # 2 cleaned
        + b"2,,Bob,blue\n"  # 3 filtered
        + b"3,101,Cy,blue\n"  # 4 filtered
        + b",30,Di,blue\n"  # 5 no id
        + b"5,-1,Ed,rot\n"  # 6 range, and the rule
        + b"6,x,Flo,red\n"  # 7 does not parse
        + b"1,50,Gil,blue\n"  # 8 the same id as line 2
        + b"8,17,Hal,none\n",  # 9 cleaned: no team, so the rule is unknown
        SPEC,
    )
    assert rows(result) == [
        {"_line": 2, "id": 1, "age": 40.0, "name": "Ann", "team": "red"},
        {"_line": 9, "id": 8, "age": 17.0, "name": "Hal", "team": None},
    ]
    assert brief(result) == [
        (5, "id.not_null"),
        (6, "age.range"),
        (7, "parse.number"),
        (8, "key.unique"),
    ]
    assert result.outputs["summary"] == {
        "landed": 8,
        "parsed": 7,
        "cleaned": 2,
        "filtered": {"gone": 1, "old": 1},
        "quarantined": {"age.range": 1, "id.not_null": 1, "key.unique": 1, "parse.number": 1},
        "warned": {},
        "refused": None,
        "warnings": [],
    }


def test_quarantine_says_why_and_shows_nothing_sensitive() -> None:
    result = cleaned(HEADER + b"1,-1,ann,green\n2,20,Bob,red\n2,30,Cy,blue\n", SPEC)
    assert rows(result, "quarantine") == [
        {
            "_line": 2,
            "rule": "age.range",
            "column": "age",
            "reason": "age: got -1.0, wanted at least 0 and at most 120 years; "
            "name: got a value that is not shown (the column is sensitive), "
            "wanted a text matching [A-Z].*; team: got 'green', wanted one of red, blue",
            "text": '{"id":1,"age":-1.0,"name":"***","team":"green"}',
        },
        {
            "_line": 4,
            "rule": "key.unique",
            "column": None,
            "reason": "same id as line 3, wanted one row per key; the first stays",
            "text": '{"id":2,"age":30.0,"name":"***","team":"blue"}',
        },
    ]


def test_a_cleaned_category_knows_only_its_own_values() -> None:
    result = cleaned(HEADER + b"1,20,Ann,blue\n2,20,Bob,green\n3,20,Cy,red\n", SPEC)
    table = result.outputs["cleaned"]
    assert table.column("team").combine_chunks().dictionary.to_pylist() == ["blue", "red"]


def test_a_bad_first_record_does_not_take_its_key_along() -> None:
    result = cleaned(HEADER + b"1,-1,Ann,red\n1,20,Ann,red\n1,21,Ann,red\n", SPEC)
    assert [row["_line"] for row in rows(result)] == [3]
    assert brief(result) == [(2, "age.range"), (4, "key.unique")]


def test_a_key_with_a_missing_part_repeats_nothing() -> None:
    spec = clean_spec({"a": {"type": "text"}, "b": {"type": "text"}}, key=["a", "b"])
    result = cleaned(b"a,b\nx,\nx,\n", spec)
    assert len(rows(result)) == 2


def test_over_budget_everything_is_in_quarantine() -> None:
    spec = SPEC.model_copy(update={"quarantine_budget": 0.3})
    result = cleaned(HEADER + b"1,20,Ann,red\n2,x,Bob,red\n3,200,Cy,red\n4,-1,Di,blue\n", spec)
    assert rows(result) == []
    assert brief(result) == [
        (2, "batch.refused"),
        (3, "parse.number"),
        (4, "batch.refused"),
        (5, "age.range"),
    ]
    summary = result.outputs["summary"]
    assert summary["filtered"] == {}
    assert summary["refused"] == (
        "2 of 4 records (50.0%) break the contract, wanted at most 30.0%: age.range 1, "
        "parse.number 1; correct the file and land it again, or change the contract or "
        "quarantine_budget"
    )


def test_exactly_the_budget_is_allowed() -> None:
    spec = SPEC.model_copy(update={"quarantine_budget": 0.5})
    result = cleaned(HEADER + b"1,20,Ann,red\n2,-1,Bob,red\n", spec)
    assert result.outputs["summary"]["refused"] is None


@pytest.mark.parametrize(
    ("good", "bad", "refused"),
    [(9, 1, False), (3, 3, False), (1, 2, True), (0, 1, True), (8, 4, True), (57, 3, False)],
)
def test_so_many_records_may_be_quarantined_in_any_batch_up_to_half_of_it(
    good: int, bad: int, refused: bool
) -> None:
    spec = SPEC.model_copy(update={"quarantine_budget": 0.05, "quarantine_rows": 3})
    ages = ["20"] * good + ["-1"] * bad
    body = "".join(f"{number},{age},Ann,red\n" for number, age in enumerate(ages))
    found = cleaned(HEADER + body.encode(), spec).outputs["summary"]
    assert (found["cleaned"] == 0) == refused
    assert (found["refused"] is not None) == refused
    if refused:
        assert "wanted at most 5.0% or 3 records: age.range" in found["refused"]


def test_a_retyped_column_refuses_the_batch() -> None:
    spec = SPEC.model_copy(update={"quarantine_budget": 0.05})
    body = b"".join(b"%d,young,Ann,red\n" % number for number in range(50))
    result = cleaned(HEADER + body, spec)
    assert "50 of 50 records (100.0%)" in result.outputs["summary"]["refused"]
    assert result.outputs["summary"]["quarantined"] == {"parse.number": 50}


def test_a_file_that_ingest_refused_stays_refused() -> None:
    result = cleaned(b"id,age,name\n1,20,Ann\n", SPEC)
    assert rows(result) == []
    assert brief(result) == [(2, "file.columns")]
    assert result.outputs["summary"]["refused"].startswith("no column team")


def test_an_empty_batch_is_a_batch() -> None:
    result = cleaned(HEADER, SPEC.model_copy(update={"quarantine_budget": 0.0}))
    assert result.outputs["summary"]["refused"] is None
    assert result.outputs["summary"]["landed"] == 0
    assert result.outputs["cleaned"].column_names == ["_line", "id", "age", "name", "team"]


def test_warnings_keep_the_row() -> None:
    columns = {"a": {"type": "number", "range": [0, None], "action": "warn"}}
    warn = {"id": "small", "expression": "a < 10", "reason": "too many", "action": "warn"}
    result = cleaned(b"a\n-1\n5\n20\n", clean_spec(columns, rules=[warn]))
    assert len(rows(result)) == 3
    assert result.outputs["summary"]["warned"] == {"a.range": 1, "small": 1}


@pytest.mark.parametrize(
    ("kind", "step", "given_text", "wanted"),
    [
        ("text", {"op": "strip"}, " a ", "a"),
        ("text", {"op": "strip"}, "  ", None),
        ("category", {"op": "upper"}, "é", "É"),
        ("category", {"op": "lower"}, "AB", "ab"),
        ("text", {"op": "replace", "values": {"a": "b", "b": "c"}}, "a", "b"),
        ("text", {"op": "replace", "values": {"a": None}}, "a", None),
        ("text", {"op": "replace", "values": {"a": "b"}}, "aa", "aa"),
        ("text", {"op": "fill", "value": "none"}, "", "none"),
        ("category", {"op": "fill", "value": "none"}, "", "none"),
        ("integer", {"op": "fill", "value": 7}, "", 7),
        ("number", {"op": "fill", "value": 7}, "", 7.0),
        ("boolean", {"op": "fill", "value": True}, "", True),
        ("boolean", {"op": "fill", "value": True}, "no", False),
    ],
)
def test_steps(kind: str, step: dict[str, Any], given_text: str, wanted: object) -> None:
    spec = clean_spec(
        {"a": {"type": kind}, "b": {"type": "integer"}},
        cleaning=[{**step, "columns": ["a"]}],
    )
    result = cleaned(f'a,b\n"{given_text}",1\n'.encode(), spec)
    assert rows(result)[0]["a"] == wanted


FIELDS = ["", "1", "2", "-1", "x", "200", "Ann", "ann", "red", " Red", "green", '"', "é", "\xff"]


def messy() -> st.SearchStrategy[bytes]:
    """Return files with records that are good, bad, torn, blank, and of the wrong width."""
    field = st.sampled_from(FIELDS) | st.just('"a\nb"') | st.text(max_size=3)
    good = st.builds("{},{},Ann,red".format, st.integers(0, 5), st.integers(0, 110))
    line = good | st.lists(field, min_size=0, max_size=5).map(",".join)
    encoding = st.sampled_from(["utf-8", "latin-1"])
    lines = st.lists(line, max_size=12).map("\n".join)
    return st.builds(lambda text, code: HEADER + text.encode(code, "replace"), lines, encoding)


@settings(max_examples=80)
@drawn(messy(), st.sampled_from([0.0, 0.3, 1.0]))
@example(HEADER + b',1,,"a\nb"', 0.0).via("only missing ids beside another fault: pandas warns")
def test_every_landed_record_is_in_exactly_one_place(content: bytes, budget: float) -> None:
    spec = SPEC.model_copy(update={"quarantine_budget": budget})
    result = cleaned(content, spec)
    summary = result.outputs["summary"]
    good = [row["_line"] for row in rows(result)]
    bad = [row["_line"] for row in rows(result, "quarantine")]
    filtered = sum(summary["filtered"].values())
    assert summary["landed"] == len(good) + filtered + len(bad)
    assert len({*good, *bad}) == len(good) + len(bad)
    assert bad == sorted(bad)
    assert good == sorted(good)
    assert not (summary["refused"] and (good or filtered))
    handles = {name: given(value) for name, value in result.outputs.items()}
    assert row_accounting.check(spec, **handles).checks[0].passed
    assert key_unique.check(spec, cleaned=handles["cleaned"]).checks[0].passed
    for row in rows(result):
        assert row["id"] is not None
        assert 0 <= row["age"] <= 100
        assert row["name"] is None or row["name"][0].isupper()
        assert row["team"] in ("red", "blue", None)


@settings(max_examples=15)
@drawn(messy())
def test_the_same_bytes_give_the_same_tables(content: bytes) -> None:
    first, second = cleaned(content, SPEC), cleaned(content, SPEC)
    for name in ("cleaned", "quarantine"):
        table = first.outputs[name]
        assert isinstance(table, pa.Table)
        assert table.equals(second.outputs[name])
    assert first.outputs["summary"] == second.outputs["summary"]
