"""Content digests: pinned vectors, what is in them and what is not."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import StageError
from ml_assets.store.digest import bytes_digest, canonical_json, json_digest, table_digest

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "digest.md"
CATEGORY = pa.dictionary(pa.int32(), pa.string())
TYPES = {
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "category": CATEGORY,
    "date": pa.date32(),
    "timestamp[us,UTC]": pa.timestamp("us", "UTC"),
    "timestamp[ms,]": pa.timestamp("ms"),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_nan=True, allow_infinity=True),
    "bool": st.booleans(),
    "text": st.text(max_size=8),
    "category": st.text(max_size=2),
    "date": st.dates(date(1700, 1, 1), date(2200, 1, 1)),
    "timestamp[us,UTC]": st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),
}


def _vectors() -> list[dict[str, Any]]:
    found = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    return [json.loads(text) for text in found]


def _value(value: Any) -> Any:
    return {"NaN": float("nan"), "-0.0": -0.0}.get(value, value)


def _array(kind: str, values: list[Any]) -> pa.Array:
    if kind in ("float32", "float64"):
        return pa.array([_value(value) for value in values], TYPES[kind])
    if kind == "date" or kind.startswith("timestamp"):
        number = pa.int32() if kind == "date" else pa.int64()
        return pa.array(values, number).cast(TYPES[kind])
    return (
        pa.array(values, pa.string()).cast(CATEGORY)
        if kind == "category"
        else pa.array(values, TYPES[kind])
    )


def _table(columns: list[dict[str, Any]]) -> pa.Table:
    return pa.table({c["name"]: _array(c["type"], c["values"]) for c in columns})


@st.composite
def _columns(draw: st.DrawFn) -> tuple[str, list[Any]]:
    kind = draw(st.sampled_from(sorted(VALUES)))
    return kind, draw(st.lists(st.none() | VALUES[kind], max_size=12))


def _drawn(kind: str, values: list[Any]) -> pa.Array:
    if kind == "category":
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, TYPES[kind])


@pytest.mark.parametrize("vector", _vectors(), ids=lambda vector: vector["name"])
def test_test_vectors_of_the_document(vector: dict[str, Any]) -> None:
    if "bytes" in vector:
        assert bytes_digest(bytes.fromhex(vector["bytes"])) == vector["digest"]
    elif "json" in vector:
        assert json_digest(vector["json"]) == vector["digest"]
    else:
        assert table_digest(_table(vector["columns"])) == vector["digest"]


def test_the_document_has_vectors_of_every_kind_and_type() -> None:
    vectors = _vectors()
    assert {kind for v in vectors for kind in ("bytes", "json", "columns") if kind in v} == {
        "bytes",
        "json",
        "columns",
    }
    assert {c["type"] for v in vectors for c in v.get("columns", [])} == set(TYPES)


def test_table_by_the_letter_of_the_document() -> None:
    table = pa.table({"n": pa.array([1, None], pa.int16()), "t": pa.array(["é", ""])})
    content = b"d1:table\n" + struct.pack("<QI", 2, 2)
    content += struct.pack("<I", 1) + b"n" + b"int16\n" + b"\x01" + b"\x01\x00"
    content += struct.pack("<hh", 1, 0)
    content += struct.pack("<I", 1) + b"t" + b"text\n" + b"\x00"
    content += struct.pack("<qq", 2, 0) + "é".encode()
    assert table_digest(table) == "d1:" + hashlib.sha256(content).hexdigest()


@given(_columns(), st.lists(st.integers(0, 12), max_size=4))
def test_chunking_does_not_matter(column: tuple[str, list[Any]], cuts: list[int]) -> None:
    array = _drawn(*column)
    ends = sorted({0, len(array), *(cut for cut in cuts if cut <= len(array))})
    # Each part of a category gets a dictionary of its own.
    parts = [_drawn(column[0], column[1][a:b]) for a, b in pairwise(ends)]
    chunked = pa.chunked_array(parts, array.type)
    assert table_digest(pa.table({"x": chunked})) == table_digest(pa.table({"x": array}))


@given(_columns(), _columns())
def test_slices_with_an_offset_are_what_they_show(
    column: tuple[str, list[Any]], before: tuple[str, list[Any]]
) -> None:
    kind, values = column
    extra = before[1] if before[0] == kind else [None] * len(before[1])
    longer = pa.table({"x": _drawn(kind, [*extra, *values, *extra])})
    part = longer.slice(len(extra), len(values))
    assert table_digest(part) == table_digest(pa.table({"x": _drawn(kind, values)}))


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9), st.integers(-9, 9))
def test_bytes_under_nulls_do_not_matter(values: list[int], hidden: int) -> None:
    mask = np.array([value < 0 for value in values])
    numbers = np.array(values, dtype=np.int64)
    other = np.where(mask, hidden, numbers)
    for kind in (np.int64, np.float64):
        one, two = (pa.array(a.astype(kind), mask=mask) for a in (numbers, other))
        assert table_digest(pa.table({"x": one})) == table_digest(pa.table({"x": two}))


def test_bytes_under_null_texts_and_booleans_do_not_matter() -> None:
    offsets, valid = pa.py_buffer(struct.pack("<iii", 0, 3, 4)), pa.py_buffer(b"\x02")
    hidden = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"xyza"), valid, 1)
    assert hidden.to_pylist() == [None, "a"]
    plain = pa.table({"x": pa.array([None, "a"])})
    assert table_digest(pa.table({"x": hidden})) == table_digest(plain)
    flags = pa.Array.from_buffers(pa.bool_(), 2, [valid, pa.py_buffer(b"\x03")], 1)
    assert flags.to_pylist() == [None, True]
    assert table_digest(pa.table({"x": flags})) == table_digest(
        pa.table({"x": pa.array([None, True])})
    )


@given(st.lists(st.none() | st.sampled_from("abcd"), max_size=9), st.permutations("abcde"))
def test_order_of_a_dictionary_does_not_matter(values: list[str], names: list[str]) -> None:
    codes = pa.array([None if v is None else names.index(v) for v in values], pa.int32())
    one = pa.DictionaryArray.from_arrays(codes, pa.array(names))
    two = pa.array(values, pa.string()).dictionary_encode()
    assert table_digest(pa.table({"x": one})) == table_digest(pa.table({"x": two}))


@given(st.lists(st.none() | st.text(max_size=5), max_size=9))
def test_width_of_offsets_and_codes_does_not_matter(values: list[str]) -> None:
    text = pa.table({"x": pa.array(values, pa.string())})
    assert table_digest(text) == table_digest(pa.table({"x": pa.array(values, pa.large_string())}))
    coded = pa.array(values, pa.string()).dictionary_encode()
    narrow = coded.cast(pa.dictionary(pa.int8(), pa.large_string()))
    assert table_digest(pa.table({"x": coded})) == table_digest(pa.table({"x": narrow}))


def test_metadata_of_the_schema_does_not_matter() -> None:
    table = pa.table({"x": [1]})
    assert table_digest(table.replace_schema_metadata({"run": "7"})) == table_digest(table)


def _differ(*columns: pa.Array | pa.Table) -> None:
    tables = [c if isinstance(c, pa.Table) else pa.table({"x": c}) for c in columns]
    assert len({table_digest(table) for table in tables}) == len(tables)


def test_types_matter() -> None:
    ones = [pa.array([1], kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())]
    floats = [pa.array([1], kind) for kind in (pa.float32(), pa.float64())]
    others = [pa.array([True]), pa.array(["1"]), pa.array(["1"]).dictionary_encode()]
    days = pa.array([1], pa.int32()).cast(pa.date32())
    times = [
        pa.array([1], pa.int64()).cast(pa.timestamp(unit, zone))
        for unit in ("s", "ms", "us", "ns")
        for zone in (None, "UTC", "Europe/Zurich")
    ]
    _differ(*ones, *floats, *others, days, *times)


def test_empty_tables_differ_by_type_name_and_number_of_columns() -> None:
    empty = [pa.array([], kind) for kind in (pa.int64(), pa.float64(), pa.string(), CATEGORY)]
    _differ(
        *empty, pa.table({}), pa.table({"y": empty[0]}), pa.table({"x": empty[0], "y": empty[0]})
    )
    none = pa.chunked_array([], pa.string())
    assert table_digest(pa.table({"x": none})) == table_digest(pa.table({"x": empty[2]}))


def test_row_order_names_column_order_and_nulls_matter() -> None:
    _differ(pa.array([1, 2]), pa.array([2, 1]))
    one, two = pa.array([1]), pa.array([2])
    _differ(
        pa.table({"x": one, "y": two}),
        pa.table({"y": two, "x": one}),
        pa.table({"x": two, "y": one}),
        pa.table([one, two], names=["x", "x"]),
    )
    _differ(pa.array([0, 1]), pa.array([None, 1], pa.int64()), pa.array([0]))
    _differ(pa.array(["", "a"]), pa.array([None, "a"]), pa.array(["a", ""]))
    _differ(pa.array([False]), pa.array([None], pa.bool_()))
    _differ(pa.array([float("nan")]), pa.array([None], pa.float64()), pa.array([0.0]))


def test_texts_do_not_run_into_each_other() -> None:
    _differ(pa.array(["ab", "c"]), pa.array(["a", "bc"]), pa.array(["abc", ""]))
    _differ(pa.table({"ab": ["c"]}), pa.table({"a": ["bc"]}))


def test_every_nan_is_one_and_signed_zeros_are_two() -> None:
    payload = np.array([0x7FF8000000000001, 0xFFF8000000000000], dtype=np.uint64)
    odd, plain = pa.array(payload.view(np.float64)), pa.array([float("nan")] * 2)
    assert table_digest(pa.table({"x": odd})) == table_digest(pa.table({"x": plain}))
    _differ(pa.array([0.0]), pa.array([-0.0]))


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.int64()),
        pa.uint8(),
        pa.binary(),
        pa.decimal128(5, 2),
        pa.null(),
        pa.dictionary(pa.int32(), pa.int64()),
        pa.dictionary(pa.int32(), pa.binary()),
    ],
    ids=str,
)
def test_a_type_without_a_definition_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(StageError, match=r"column 'odd' has type .*no digest is defined"):
        table_digest(pa.table({"odd": pa.nulls(1, kind)}))


def test_json_is_canonical() -> None:
    assert canonical_json({"b": [1, 1.0, None, True], "a": "é"}) == (
        '{"a":"é","b":[1,1.0,null,true]}'.encode()
    )
    assert json_digest({"a": 1, "b": 2}) == json_digest({"b": 2, "a": 1})
    different = [{"a": 1}, {"a": 1.0}, {"a": "1"}, {"a": True}, {"a": None}, {}, [], ["a", 1]]
    assert len({json_digest(document) for document in different}) == len(different)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(JSON)
def test_json_survives_a_round_trip(document: Any) -> None:
    assert json_digest(json.loads(canonical_json(document))) == json_digest(document)


@pytest.mark.parametrize("document", [float("nan"), [float("inf")], {"a": {1, 2}}, b"x"])
def test_what_json_cannot_hold_is_refused(document: Any) -> None:
    with pytest.raises(StageError, match="not a JSON document"):
        canonical_json(document)


def test_what_is_not_finite_is_named() -> None:
    with pytest.raises(StageError, match=r"x\.1 is inf, y is nan, wanted finite numbers"):
        canonical_json({"x": [1, float("inf")], "y": float("nan"), "z": 1.0})


def test_kinds_do_not_collide() -> None:
    assert len({bytes_digest(b"{}"), json_digest({}), bytes_digest(b""), json_digest([])}) == 4
