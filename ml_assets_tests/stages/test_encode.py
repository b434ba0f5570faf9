"""Encoding: codes, compact types, what is missing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml_assets.stages.train import encode

COLUMNS = {"a": "category", "b": "boolean", "i": "integer", "x": "number"}


def table(a: list[str | None], i: list[int | None] | None = None) -> pa.Table:
    n = len(a)
    return pa.table(
        {
            "a": pa.array(a, pa.string()).dictionary_encode(),
            "b": pa.array([True] * n),
            "i": pa.array(i or [1] * n, pa.int64()),
            "x": pa.array([0.5, float("inf"), float("nan"), None, -1.0][:n], pa.float64()),
        }
    )


def test_codes_and_types() -> None:
    first, second = table(["b", "a", None]), table(["c", "b"])
    assert encode.used(first["a"]) == {"a", "b"}
    known = {"a": ["a", "b", "c"]}
    found = encode.encode(pa.concat_tables([first, second]), COLUMNS, known)
    assert [str(field.type) for field in found.schema] == ["int16", "int8", "int64", "double"]
    assert found["a"].to_pylist() == [1, 0, None, 2, 1]
    assert found["x"].to_pylist() == [0.5, None, None, 0.5, None]


def test_unknown_category_is_missing_and_unused_values_are_not_known() -> None:
    sliced = table(["b", "a", "z"]).slice(0, 2)
    assert encode.used(sliced["a"]) == {"a", "b"}
    assert encode.encode(table(["z", "a"]), COLUMNS, {"a": ["a"]})["a"].to_pylist() == [None, 0]


def test_plain_strings_encode_as_dictionaries_do() -> None:
    plain = table(["b", None]).set_column(0, "a", pa.array(["b", None]))
    assert encode.used(plain["a"]) == {"b"}
    assert encode.encode(plain, COLUMNS, {"a": ["b"]})["a"].to_pylist() == [0, None]


def test_many_categories_take_32_bits() -> None:
    known = {"a": [f"{n:05}" for n in range(40_000)]}
    found = encode.encode(table(["39999"]), COLUMNS, known)
    assert found["a"].type == pa.int32()
    assert found["a"].to_pylist() == [39_999]


def test_integers_that_float64_does_not_hold_are_rounded() -> None:
    found = encode.encode(table(["a"], [2**53 + 1]), COLUMNS, {"a": ["a"]})
    assert encode.values(found, "i").tolist() == [2.0**53]


def test_all_null() -> None:
    empty = table([None, None], [None, None])
    assert encode.used(empty["a"]) == set()
    assert encode.encode(empty, COLUMNS, {"a": []})["a"].to_pylist() == [None, None]
    assert np.isnan(encode.values(encode.encode(empty, COLUMNS, {"a": []}), "i")).all()
