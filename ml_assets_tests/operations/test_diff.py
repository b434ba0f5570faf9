"""Tables and documents compared, on rows that can be checked by hand."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.operations.diff import documents
from ml_assets.operations.diff.tables import TableOptions, compare

A = pa.table(
    {
        "id": [1, 2, 3, 4],
        "store": pa.array(["n", "s", "n", None]).dictionary_encode(),
        "units": [1.0, None, 3.0, float("nan")],
        "_line": [2, 3, 4, 5],
    }
)
B = pa.table(
    {
        "id": [2, 3, 4, 5],
        "store": pa.array(["s", "w", None, "n"]),
        "units": [None, 3.5, float("nan"), 9.0],
        "price": [1, 1, 1, 1],
        "_line": [2, 3, 4, 5],
    }
)


def test_rows_by_key() -> None:
    found = compare(A, B, TableOptions(("id",)))
    assert found["rows"] == {"a": 4, "b": 4, "by": ["id"], "added": 1, "removed": 1, "changed": 1}
    assert found["columns_changed"] == {"store": 1, "units": 1}
    assert found["examples"] == {
        "added": ["5"],
        "removed": ["1"],
        "changed": [{"key": "3", "columns": {"store": ["n", "w"], "units": [3.0, 3.5]}}],
    }
    assert found["schema"]["added"] == {"price": "int64"}
    assert found["schema"]["removed"] == {}
    assert list(found["schema"]["retyped"]) == ["store"]
    assert found["note"] is None
    json.dumps(found, allow_nan=False)


def test_statistics_of_what_differs() -> None:
    found = compare(A, B, TableOptions(("id",)))["statistics"]
    assert found["id"] == {
        "a": {"missing": 0, "min": 1, "mean": 2.5, "max": 4},
        "b": {"missing": 0, "min": 2, "mean": 3.5, "max": 5},
    }
    assert found["store"] == {
        "a": {"missing": 1, "distinct": 2},
        "b": {"missing": 1, "distinct": 3},
    }
    assert "_line" not in found
    assert compare(A, A, TableOptions(("id",)))["statistics"] == {}


@pytest.mark.parametrize(
    ("key", "why"), [((), "there is no key"), (("store",), "the key is not unique in A")]
)
def test_whole_rows_are_counted_without_a_key(key: tuple[str, ...], why: str) -> None:
    found = compare(A, B.drop_columns("price"), TableOptions(key))
    assert found["rows"]["by"] == "whole rows"
    # 2 and 4 stand in both; 3 changed, 1 went and 5 came.
    assert (found["rows"]["added"], found["rows"]["removed"], found["rows"]["changed"]) == (2, 2, 0)
    assert found["note"].startswith(why)
    assert found["examples"] == {}


def test_a_row_that_stands_twice_counts_twice() -> None:
    one, two = pa.table({"x": [1, 1, 2]}), pa.table({"x": [1, 2, 2]})
    rows = compare(one, two, TableOptions())["rows"]
    assert (rows["added"], rows["removed"]) == (1, 1)


def test_nothing_of_a_sensitive_column_is_shown() -> None:
    found = compare(A, B, TableOptions(("id",), frozenset({"store"})))
    assert found["examples"]["changed"][0]["columns"]["store"] == ["***", "***"]
    assert "store" not in found["statistics"]
    assert found["columns_changed"]["store"] == 1
    assert compare(A, B, TableOptions(("id",), frozenset({"id"})))["examples"] == {}


@given(
    st.dictionaries(st.integers(0, 9), st.integers(0, 2)),
    st.dictionaries(st.integers(0, 9), st.integers(0, 2)),
)
def test_rows_agree_with_dictionaries(a: dict[int, int], b: dict[int, int]) -> None:
    def table(values: dict[int, int]) -> pa.Table:
        ids = pa.array(list(values), pa.int64())
        return pa.table({"id": ids, "x": pa.array(list(values.values()), pa.int64())})

    rows = compare(table(a), table(b), TableOptions(("id",)))["rows"]
    assert rows["added"] == len(b.keys() - a.keys())
    assert rows["removed"] == len(a.keys() - b.keys())
    assert rows["changed"] == sum(a[k] != b[k] for k in a.keys() & b.keys())


def test_documents_by_path() -> None:
    a = {"metrics": {"mae": 1.0}, "list": [1, 2], "gone": True, "same": "x"}
    b = {"metrics": {"mae": 2.0}, "list": [1, 3], "new": [1, 2], "same": "x"}
    found = documents.compare(a, b)
    assert [(c["path"], c["a"], c["b"]) for c in found["changed"]] == [
        ("metrics.mae", 1.0, 2.0),
        ("list[1]", 2, 3),
        ("gone", True, None),
        ("new", None, "list of 2"),
    ]
    assert found["more"] == 0


def test_items_of_lists_are_matched_by_what_names_them() -> None:
    def item(column: str, kind: str, effect: float, **more: Any) -> dict[str, Any]:
        return {"alarm": False, "column": column, "effect": effect, "kind": kind, **more}

    a = [item("x", "missing", 0.1, said="a"), item("x", "numeric", 0.2, said="b")]
    b = [item("w", "missing", 0.5, said="c"), item("x", "numeric", 0.3, said="b")]
    assert list(documents.changes({"drift": a}, {"drift": [*b, a[0]]})) == [
        ("drift[x, numeric].effect", 0.2, 0.3),
        ("drift[w, missing]", None, b[0]),
    ]
    # Nothing names these.
    assert list(documents.changes([{"n": 1}, {"n": 2}], [{"n": 1}, {"n": 3}])) == [("[1].n", 2, 3)]
    heights = list(range(9))
    found = list(documents.changes({"h": heights}, {"h": [*heights[:7], 0, 0]}))
    assert found == [("h", "list of 9", "list of 9, 2 of them changed")]


def test_long_texts_and_lists_are_cut() -> None:
    many = documents.compare(
        {str(n): n for n in range(250)}, {str(n): "x" * 99 for n in range(250)}
    )
    assert (len(many["changed"]), many["more"]) == (200, 50)
    assert many["changed"][0]["b"] == "x" * 79 + "…"
