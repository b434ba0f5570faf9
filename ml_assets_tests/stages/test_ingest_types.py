"""The grammar of each type, and that the fast path agrees with it."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets.stages.ingest.arrow import plain
from ml_assets.stages.ingest.convert import convert
from ml_assets.stages.ingest.parse import PARSERS

UTC = dt.UTC


def parsed(texts: list[str | None], kind: str) -> tuple[list[Any], list[bool]]:
    """Convert a column of texts."""
    values, bad = convert(pa.array(texts, pa.string()), kind)
    return values.to_pylist(), bad.to_pylist()


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("integer", "517", 517),
        ("integer", "517.0", 517),
        ("integer", " -3 ", -3),
        ("integer", "+4", 4),
        ("integer", "007", 7),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("integer", "9223372036854775808", None),
        ("integer", "0x1F", None),
        ("integer", "1e3", None),
        ("integer", "1_000", None),
        ("integer", "1,000", None),
        ("integer", "517.5", None),
        ("integer", "", None),
        ("integer", "\N{ARABIC-INDIC DIGIT ONE}", None),
        ("number", "1.5", 1.5),
        ("number", "-.5", -0.5),
        ("number", "1e3", 1000.0),
        ("number", "nan", None),
        ("number", "inf", None),
        ("number", "1e999", None),
        ("number", "1e100", 1e100),
        ("number", "-1.1e100", None),
        ("number", "1_0", None),
        ("boolean", "TRUE", True),
        ("boolean", "f", False),
        ("boolean", "0", False),
        ("boolean", "2", None),
        ("timestamp", "2013-01-01T10:00:00Z", dt.datetime(2013, 1, 1, 10, tzinfo=UTC)),
        ("timestamp", "2013-01-01 10:00", dt.datetime(2013, 1, 1, 10, tzinfo=UTC)),
        ("timestamp", "2013-01-01T10:00:00+02:00", dt.datetime(2013, 1, 1, 8, tzinfo=UTC)),
        ("timestamp", "2013-01-01T10:00:00-0530", dt.datetime(2013, 1, 1, 15, 30, tzinfo=UTC)),
        ("timestamp", "2013-01-01", dt.datetime(2013, 1, 1, tzinfo=UTC)),
        (
            "timestamp",
            "2013-01-01T10:00:00.250000000Z",
            dt.datetime(2013, 1, 1, 10, 0, 0, 250_000, tzinfo=UTC),
        ),
        ("timestamp", "2013-01-01T10:00:00.0000001Z", None),
        ("timestamp", "2013-02-29", None),
        ("timestamp", "2013-01-01T25:00", None),
        ("timestamp", "2013-01-01T10:000", None),
        ("timestamp", "2013-01-01Z", None),
        ("timestamp", "20130101", None),
        ("timestamp", "1/2/2013", None),
        ("timestamp", "9999-12-31T23:59:59.999999Z", dt.datetime.max.replace(tzinfo=UTC)),
        ("timestamp", "9999-12-31T23:59:59-23:59", None),
        ("timestamp", "0001-01-01T00:00:00Z", dt.datetime.min.replace(tzinfo=UTC)),
        ("timestamp", "0001-01-01T00:00:00+23:59", None),
        ("date", "2013-01-31", dt.date(2013, 1, 31)),
        ("date", "2013-01-31 00:00:00", dt.date(2013, 1, 31)),
        ("date", "2013-01-31 10:00:00", None),
        ("date", "31.01.2013", None),
        ("text", " a ", " a "),
        ("category", " a ", " a "),
    ],
)
def test_one_text(kind: str, text: str, wanted: Any) -> None:
    assert parsed([text, None], kind) == ([wanted, None], [wanted is None, False])


@pytest.mark.parametrize("kind", ["integer", "number"])
@drawn(text=st.text(st.sampled_from(list("0123456789+-.eExXnaif_ \t\n")), max_size=8))
@example(text="0x10")
@example(text=" 1")
@example(text="1\n")
@example(text="-0")
def test_the_fast_path_takes_what_the_grammar_takes(kind: str, text: str) -> None:
    """A value must not depend on what else is in its column."""
    alone, _ = parsed([text], kind)
    with_bad, _ = parsed([text, "bad"], kind)
    assert alone == with_bad[:1] == [PARSERS[kind](text)]


@pytest.mark.parametrize(
    ("array", "kind", "wanted", "bad"),
    [
        (pa.array([1, None], pa.int8()), "integer", [1, None], [False, False]),
        (pa.array([2**63, 1], pa.uint64()), "integer", [None, 1], [True, False]),
        (pa.array([1.0, 1.5, float("nan")]), "integer", [1, None, None], [False, True, False]),
        (pa.array([1, 2]), "number", [1.0, 2.0], [False, False]),
        (pa.array([1.5, float("inf")]), "number", [1.5, None], [False, True]),
        (pa.array([1.5, float("nan")], pa.float32()), "number", [1.5, None], [False, False]),
        (pa.array([True, None]), "boolean", [True, None], [False, False]),
        (pa.array([0, 1, 2]), "boolean", [False, True, None], [False, False, True]),
        (pa.array([True]), "integer", [None], [True]),
        (pa.array([7]), "text", ["7"], [False]),
        (pa.array(["a"], pa.large_string()), "text", ["a"], [False]),
        (pa.array(["b", "a"]).dictionary_encode(), "category", ["b", "a"], [False, False]),
        (pa.array([dt.date(2013, 1, 1)]), "date", [dt.date(2013, 1, 1)], [False]),
        (pa.array([dt.date(2013, 1, 1)], pa.date64()), "date", [dt.date(2013, 1, 1)], [False]),
        (pa.array([0], pa.timestamp("s")), "date", [dt.date(1970, 1, 1)], [False]),
        (pa.array([1], pa.timestamp("s")), "date", [None], [True]),
        (
            pa.array([0, 1000, 1], pa.timestamp("ns")),
            "timestamp",
            [
                dt.datetime(1970, 1, 1, tzinfo=UTC),
                dt.datetime(1970, 1, 1, microsecond=1, tzinfo=UTC),
                None,
            ],
            [False, False, True],
        ),
        (
            pa.array([0], pa.timestamp("ms", "America/New_York")),
            "timestamp",
            [dt.datetime(1970, 1, 1, tzinfo=UTC)],
            [False],
        ),
        (pa.array([[1], None]), "text", [None, None], [True, False]),
        (pa.array([{"a": 1}]), "integer", [None], [True]),
        (pa.array([b"\xff", b"a", None]), "text", [None, "a", None], [True, False, False]),
        (pa.array([b"7", b"\xff"], pa.binary_view()), "integer", [7, None], [False, True]),
        (pa.array([b"7"], pa.large_binary()), "number", [7.0], [False]),
        (pa.array([b"ab"], pa.binary(2)), "category", ["ab"], [False]),
        (pa.array(["b", None], pa.string_view()), "category", ["b", None], [False, False]),
        (pc.run_end_encode(pa.array(["a", "a", None])), "text", ["a", "a", None], [False] * 3),
        (pa.array([1, 0], pa.int8()).cast(pa.bool8()), "boolean", [True, False], [False, False]),
        (pa.array(["{}"], pa.json_()), "text", ["{}"], [False]),
        (
            pa.array([Decimal("1.50"), Decimal(2)], pa.decimal128(9, 2)),
            "number",
            [1.5, 2.0],
            [False] * 2,
        ),
        (
            pa.array([Decimal("1.50"), Decimal(2)], pa.decimal128(9, 2)),
            "integer",
            [None, 2],
            [True, False],
        ),
        (pa.array([1.5, 2.0], pa.float16()), "number", [1.5, 2.0], [False, False]),
        (pa.array([1.0, 0.0, 0.5]), "boolean", [True, False, None], [False, False, True]),
        (pa.array([1], pa.duration("s")), "integer", [None], [True]),
        (pa.array([1], pa.time32("s")), "text", ["00:00:01"], [False]),
        (pa.nulls(2), "timestamp", [None, None], [False, False]),
        (
            pa.array([2**31 - 1, 0], pa.int32()).view(pa.date32()),
            "date",
            [None, dt.date(1970, 1, 1)],
            [True, False],
        ),
        (
            pa.array([2**62, 0], pa.timestamp("us")),
            "timestamp",
            [None, dt.datetime(1970, 1, 1, tzinfo=UTC)],
            [True, False],
        ),
        (
            pa.array([2**40, 0], pa.timestamp("ms", "Foo/Bar")),
            "timestamp",
            [
                dt.datetime(2004, 11, 3, 19, 53, 47, 776000, tzinfo=UTC),
                dt.datetime(1970, 1, 1, tzinfo=UTC),
            ],
            [False, False],
        ),
    ],
)
def test_typed_columns(array: pa.Array, kind: str, wanted: list[Any], bad: list[bool]) -> None:
    found, failing = convert(plain(pa.chunked_array([array])), kind)
    assert found.to_pylist() == wanted
    assert failing.to_pylist() == bad


@pytest.mark.parametrize("kind", ["text", "category", "integer"])
def test_a_float_that_is_whole_is_that_integer(kind: str) -> None:
    """What pandas writes for integers of which one is missing."""
    found, failing = convert(pa.array([49170001111.0, 2.0**53, -0.0, None, math.nan]), kind)
    wanted = [49170001111, 2**53, 0]
    wanted = wanted if kind == "integer" else [str(item) for item in wanted]
    assert found.to_pylist() == [*wanted, None, None]
    assert failing.to_pylist() == [False] * 5


def test_a_float_that_may_have_been_another_integer_stays_a_float() -> None:
    array = pa.array([2.0**53 + 2, 2.0**24 + 2, 1.5])
    assert convert(array, "text")[0].to_pylist() == ["9.007199254740994e+15", "16777218", "1.5"]
    assert convert(array.cast(pa.float32()), "text")[0].to_pylist()[1:] == ["16777218", "1.5"]
    assert convert(array, "integer")[1].to_pylist() == [True, False, True]
