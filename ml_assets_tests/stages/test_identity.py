"""What a row without a key is known by: the digest spelled out, and what it depends on."""

from __future__ import annotations

import datetime as dt
import math
import struct
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from ml_assets.stages.identity import digests, identities

SEEN = dt.datetime(2013, 5, 1, 12, tzinfo=dt.UTC)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def spelled(row: dict[str, Any]) -> str:
    """Return the digest of a row's values, as the module describes it."""
    content = b""
    for name in sorted(row):
        value = row[name]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            continue
        content += blake2b(name.encode(), digest_size=8).digest()
        if isinstance(value, str):
            content += b"s" + blake2b(value.encode(), digest_size=16).digest()
        elif isinstance(value, bool):
            content += b"b" + struct.pack("<q", value)
        elif isinstance(value, dt.datetime):
            content += b"t" + struct.pack("<q", (value - EPOCH) // dt.timedelta(microseconds=1))
        elif value == math.floor(value) and abs(value) < 2**63:
            content += b"n" + struct.pack("<q", int(value))
        else:
            content += b"f" + struct.pack("<d", value)
    return blake2b(content, digest_size=16).hexdigest()


def keys(table: pa.Table, *columns: str) -> list[str]:
    return identities(table, columns or table.column_names).to_pylist()


def test_equal_rows_are_counted_and_missing_is_no_value() -> None:
    table = pa.table({"x": [1.5, None, 1.5, 1.5], "y": ["a", "a", "a", None], "z": [9, 8, 7, 6]})
    first, other = spelled({"x": 1.5, "y": "a"}), spelled({"y": "a"})
    wanted = [f"\\I{first}\\1", f"\\I{other}\\1", f"\\I{first}\\2", f"\\I{spelled({'x': 1.5})}\\1"]
    assert keys(table, "x", "y") == wanted
    assert keys(table.select(["z", "y", "x"]), "y", "x") == wanted
    assert keys(table.append_column("new", pa.nulls(4, pa.string())), "x", "y", "new") == wanted


def test_no_rows() -> None:
    assert keys(pa.table({"x": pa.array([], pa.float64()), "y": pa.array([], pa.string())})) == []


def test_a_value_is_the_same_in_the_types_that_may_hold_it() -> None:
    days = [dt.date(2013, 5, 1), dt.date(1969, 12, 31)]
    midnights = pa.array(days).cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    for one, other in (
        (pa.array([1, -7]), pa.array([1.0, -7.0])),
        (pa.array(["a", "b"]), pa.array(["a", "b"]).dictionary_encode()),
        (pa.array(days), midnights),
        (pa.array([0, 0]), pa.array([0.0, -0.0])),
        (pa.array([None, 2.5]), pa.array([math.nan, 2.5])),
    ):
        assert keys(pa.table({"x": one})) == keys(pa.table({"x": other}))
    apart = [pa.array([1]), pa.array(["1"]), pa.array([True]), pa.array([dt.date(1970, 1, 2)])]
    assert len({keys(pa.table({"x": values}))[0] for values in apart}) == 4


@pytest.mark.parametrize("value", [0.1, 2.0**63, -(2.0**63), 1e100, 2**63 - 1, True, "ü", SEEN])
def test_the_digest_is_what_the_module_says(value: Any) -> None:
    table = pa.table({"b": ["x"], "a": [value]})
    assert digests(table, ["b", "a"]).tobytes().hex() == spelled({"a": value, "b": "x"})


VALUE = st.one_of(st.none(), st.integers(-3, 3), st.floats(-2, 2), st.just(math.nan))


@each(st.lists(st.tuples(VALUE, st.sampled_from(["a", "b", None])), max_size=30), st.data())
def test_order_of_rows_and_slices_do_not_matter(rows: list[tuple[Any, Any]], data: Any) -> None:
    def table(found: list[tuple[Any, Any]]) -> pa.Table:
        numbers = pa.array([None if x is None else float(x) for x, _ in found], pa.float64())
        return pa.table({"x": numbers, "y": pa.array([y for _, y in found], pa.string())})

    whole = keys(table(rows))
    assert [key[2:34] for key in whole] == [spelled({"x": x, "y": y}) for x, y in rows]
    assert len(set(whole)) == len(rows)
    again = data.draw(st.permutations(rows))
    assert sorted(keys(table(again))) == sorted(whole)
    cut = pa.concat_tables([table(rows[:7]), table(rows[7:])])
    assert keys(cut) == whole


def test_more_rows_than_the_buffer_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"x": list(range(100)), "y": [str(n % 7) for n in range(100)]})
    whole = keys(table)
    monkeypatch.setattr("ml_assets.stages.identity.BUFFER", 100)
    assert keys(table) == whole
