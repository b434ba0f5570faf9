"""One row without a frame: what comes out is what `read` gives, and everyday rows come out."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import HookError
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import Contract, Filter, Landing, Rule
from ml_assets.spec.model import FeatureColumn, FeaturesSpec
from ml_assets.spec.score import RowsSpec
from ml_assets.spec.steps import Case, Fill, Replace, Strip
from ml_assets.stages.frames import to_frame
from ml_assets.stages.hook import call
from ml_assets.stages.score.one import features_of_one, frame_of_one
from ml_assets.stages.score.read import Read, read
from ml_assets.stages.score.row import RowReader
from ml_assets.stages.score.source import source_of

RULES = (
    "clock % 100 == minute",
    "((left // 100 - clock // 100) * 60 + left % 100 - clock % 100 - late) % 1440 == 0",
    "late.isna() | late >= -100",
    "not (port == 'JFK' and clock < 0)",
    "tail.notna() or port != 'LGA'",
    "late / 2 < 5000",
    "at > '2013-01-01'",
)
SPEC = RowsSpec(
    landing=Landing(pattern="x", null_values=("", "NA", "-999")),
    contract=Contract(
        columns={
            "clock": Column(type="integer", nullable=False, range=(0, 2400)),
            "minute": Column(type="integer"),
            "left": Column(type="integer", range=(1, 2400)),
            "late": Column(type="number", range=(-120, None)),
            "port": Column(type="category", allowed=("EWR", "JFK", "LGA")),
            "tail": Column(type="text", pattern="[A-Z0-9]{2,6}"),
            "open": Column(type="boolean", action="warn", nullable=False),
            "day": Column(type="date"),
            "at": Column(type="timestamp"),
            "price": Column(type="number", decimal=",", thousands="."),
        },
        rules=tuple(
            Rule(id=f"r{n}", expression=text, reason="so") for n, text in enumerate(RULES[:-2])
        ),
    ),
    optional={"target": Column(type="number")},
    cleaning=(
        Strip(op="strip", columns=("port", "tail")),
        Case(op="upper", columns=("port",)),
        Replace(op="replace", columns=("tail",), values={"NONE": None}),
        Fill(op="fill", columns=("minute",), value=0),
    ),
    filters=(Filter(id="never", expression="left.isna() and late.isna()", reason="gone"),),
)
READER = RowReader(SPEC)
FEATURES = FeaturesSpec(
    model="m",
    dataset="sales",
    known=(),
    withheld={},
    predict_at=None,
    joins=(),
    previous=0,
    key=(),
    time=None,
    target="target",
    task="regression",
    weight=None,
    slices=(),
    columns={},
)
EVERYDAY = {
    "clock": "1745",
    "minute": "45",
    "left": "1750",
    "late": "5",
    "port": "JFK",
    "tail": " N715JB",
    "open": "yes",
    "day": "2013-12-01",
    "at": "2013-12-02T04:00:00Z",
    "price": "1.234,5",
}


def verdicts(spec: RowsSpec, row: dict[str, Any]) -> tuple[Any, Any]:
    """Return the row as both ways read it; None and the problem for a bad one."""
    whole = read(spec, source_of([row], spec))
    slow = whole.problems.get(0) or (whole.table.schema, whole.table.to_pylist())
    found = RowReader(spec).read(row) if spec is not SPEC else READER.read(row)
    return slow, None if found is None else (found.schema, found.to_pylist())


def test_an_everyday_row_needs_no_frame() -> None:
    slow, quick = verdicts(SPEC, EVERYDAY)
    assert quick == slow
    (row,) = quick[1]
    assert (row["clock"], row["late"], row["port"], row["tail"]) == (1745, 5.0, "JFK", "N715JB")
    assert (row["open"], row["day"], row["price"]) == (True, date(2013, 12, 1), 1234.5)
    assert row["at"].isoformat() == "2013-12-02T04:00:00+00:00"
    assert row["target"] is None


def test_a_few_rows_are_read_as_many_are() -> None:
    rows = [EVERYDAY, {**EVERYDAY, "port": "EWR", "late": None}, {**EVERYDAY, "tail": "NONE"}]
    found, whole = READER.read(*rows), read(SPEC, source_of(rows, SPEC))
    assert found is not None
    assert found.schema == whole.table.schema
    assert found.to_pylist() == whole.table.to_pylist()
    assert found["port"].combine_chunks().dictionary.to_pylist() == ["EWR", "JFK"]
    assert READER.read(EVERYDAY, {**EVERYDAY, "clock": "noon"}) is None


UNTIMED = RowsSpec(
    landing=SPEC.landing,
    contract=Contract(
        columns={n: c for n, c in SPEC.contract.columns.items() if n not in ("day", "at")}
    ),
    optional=SPEC.optional,
    cleaning=SPEC.cleaning,
)


@given(st.integers(0, 2**32).map(Random))
def test_values_are_those_of_the_table(random: Random) -> None:
    reader, known = RowReader(UNTIMED), 0
    for row in made(random, 20):
        values, table = reader.values(row, row), reader.read(row, row)
        assert (values is None) == (table is None)
        if values is not None:
            known += 1
            assert values == table.drop_columns("_line").to_pydict()
            kinds = {name: type(given[0]) for name, given in values.items()}
            assert kinds == {name: type(table[name][0].as_py()) for name in kinds}
    assert known > 0
    assert READER.values(EVERYDAY) is None, "times have a form of their own in a table"
    assert reader.values({**EVERYDAY, "tail": "\ud800"}) is None


def test_a_time_with_a_zone_is_the_moment_that_it_says() -> None:
    slow, quick = verdicts(SPEC, {**EVERYDAY, "at": LOCAL})
    assert quick == slow == verdicts(SPEC, EVERYDAY)[0]


def build(sales: pd.DataFrame) -> pd.DataFrame:
    """Return a feature of each kind, some missing and some of pandas' own types."""
    late = sales["late"]
    return pd.DataFrame(
        {
            "port": sales["port"],
            "tail": sales["tail"],
            "late": late,
            "rate": late / sales["clock"],
            "left": sales["left"].astype("Int64"),
            "whole": late.round(),
            "early": late < 0,
            "open": sales["open"],
            "at": sales["at"],
        }
    )


KINDS = {
    "port": "category",
    "tail": "text",
    "late": "number",
    "rate": "number",
    "left": "integer",
    "whole": "integer",
    "early": "boolean",
}


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, KINDS),
        ({"late": None}, KINDS),
        ({"left": "NA"}, KINDS),
        ({"tail": None, "port": ""}, KINDS),
        ({"clock": "0", "minute": "0", "left": "5"}, KINDS),
        ({"open": None, "minute": 45}, KINDS | {"open": "boolean"}),
        ({}, {"at": "timestamp"}),
        ({}, {"tail": "number"}),
    ],
)
def test_the_features_of_one_row_are_those_of_a_batch_of_one(
    change: dict[str, Any], kinds: dict[str, Any]
) -> None:
    table = read(SPEC, source_of([{**EVERYDAY, **change}], SPEC)).table
    names = [name for name in table.column_names if name != "_line"]
    frame = to_frame(table)
    pd.testing.assert_frame_equal(frame_of_one(table, names), frame)
    spec = FEATURES.model_copy(
        update={
            "known": tuple(names),
            "columns": {n: FeatureColumn(type=k) for n, k in kinds.items()},
        }
    )

    def chosen(sales: pd.DataFrame) -> pd.DataFrame:
        return build(sales)[list(kinds)]

    found = features_of_one(spec, chosen, table, {})
    try:
        wanted = call(spec, chosen, table, {})
    except HookError:
        assert found is None
        return
    assert found is None or found.equals(wanted)
    assert (found is None) == (
        "at" in kinds or change.get("open", "") is None or "0" in change.values()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"clock": None},
        {"clock": "2500"},
        {"clock": "17.5"},
        {"late": "6"},
        {"port": "BOS"},
        {"tail": "n1"},
        {"left": None, "late": None},
        {"at": "yesterday"},
        {"clock": 2**53 + 1},
    ],
)
def test_a_row_that_breaks_the_contract_is_left_to_the_one_that_says_why(
    change: dict[str, Any],
) -> None:
    slow, quick = verdicts(SPEC, {**EVERYDAY, **change})
    assert quick is None
    assert isinstance(slow, str)


LOCAL = datetime(2013, 12, 1, 23, tzinfo=timezone(timedelta(hours=-5)))
numbers = st.one_of(
    st.integers(-3, 2500),
    st.integers(2**53 - 2, 2**53 + 2),
    st.floats(-200, 3000, allow_nan=False).map(lambda value: round(value, 1)),
)
TEXTS = (
    *("", " NA ", "-999", "-999.0", "nan", "inf", "1e3", "0x1F", "1745", "45", "+5", "-0", "1e400"),
    *("1.234,5", "1,5", "007", " 12 ", "1_000", "JFK", "jfk ", "EWR\u00a0", "N1", "NONE", "\x1cN1"),
    *(
        "\ufb01",
        "\uff11",
        "true",
        "no",
        "T",
        "\0",
        "\ud800",
        "JFK\n",
        "2013-12-01",
        "2013-12-01T04:00",
    ),
    *("2013-12-02T04:00:00Z", "2013-12-02 04:00:00+01:00", "2013-12-02T24:00:00Z", "0001-01-01"),
)
CELLS = (
    *(
        None,
        True,
        False,
        45,
        -3,
        17.5,
        45.0,
        -999.0,
        1e308,
        math.nan,
        math.inf,
        2**53 - 1,
        2**53 + 1,
    ),
    *(np.int64(7), np.float64(2.5), np.bool_(True), pd.NA, pd.NaT, Decimal("1.50")),
)
TIMES = (LOCAL, LOCAL.replace(tzinfo=None), date(2013, 12, 1), pd.Timestamp(LOCAL))
"""For columns of times only: how a text column has them depends on the rows beside them."""


def made(random: Random, count: int) -> list[dict[str, Any]]:
    """Return everyday rows with up to three odd cells each."""
    rows: list[dict[str, Any]] = []
    for _ in range(count):
        row: dict[str, Any] = dict(EVERYDAY)
        for name in random.sample([*EVERYDAY, "target"], random.choice([0, 1, 1, 2, 3])):
            times = TIMES if name in ("day", "at") else ()
            row[name] = random.choice([*TEXTS, *CELLS, *times, *_drawn(random)])
        rows.append(row)
    return rows


def _drawn(random: Random) -> list[Any]:
    """Return numbers and a text that nobody thought of, as often as those that somebody did."""
    text = "".join(chr(random.randrange(1, 0x2FFF)) for _ in range(3))
    return [random.randint(-3, 2500), str(random.randint(-3, 2500)), text] * 6


@settings(max_examples=8)
@given(st.integers(0, 2**32).map(Random))
def test_a_row_has_the_verdict_and_values_alone_that_it_has_in_a_batch(random: Random) -> None:
    """Of 250 rows: what the quick way gives, what `read` gives of the row, features of both."""
    rows = made(random, 250)
    whole = read(SPEC, source_of(rows, SPEC))
    values = dict(zip(whole.numbers.tolist(), _plain(whole.table), strict=True))
    spec = FEATURES.model_copy(
        update={
            "known": tuple(SPEC.contract.columns),
            "columns": {n: FeatureColumn(type=k) for n, k in KINDS.items()},
        }
    )

    def chosen(sales: pd.DataFrame) -> pd.DataFrame:
        return build(sales.assign(clock=sales["clock"] + 1))[list(KINDS)]

    features = dict(zip(values, call(spec, chosen, whole.table, {}).to_pylist(), strict=True))
    quick = {number: READER.read(row) for number, row in enumerate(rows)}
    for number, found in quick.items():
        if found is not None:
            assert found.schema == whole.table.schema
            assert _plain(found) == [values[number]], rows[number]
            one = features_of_one(spec, chosen, found, {}) if number % 4 == 0 else None
            assert one is None or one.to_pylist() == [features[number]], rows[number]
    # Whatever is not sure is slow, so this says nothing if all rows are not sure.
    assert sum(found is not None for found in quick.values()) > len(values) / 2 > 10
    for number in random.sample(range(len(rows)), 8):
        alone = read(SPEC, source_of([rows[number]], SPEC))
        assert _plain(alone.table) == [values[n] for n in (number,) if n in values], rows[number]
        assert _rule(alone, 0) == _rule(whole, number), rows[number]


def _plain(table: pa.Table) -> list[dict[str, Any]]:
    return list(table.drop_columns("_line").to_pylist())


def _rule(found: Read, number: int) -> str | None:
    """Return the rule that a row breaks; how its cell is written depends on the rows beside it."""
    problem = found.problems.get(number)
    return None if problem is None else problem.partition(":")[0]


def test_a_text_that_cannot_be_stored_spoils_its_own_row_alone() -> None:
    found = read(SPEC, source_of([{**EVERYDAY, "port": "\ud800"}, EVERYDAY], SPEC))
    assert list(found.problems) == [0]
    assert found.table["port"].to_pylist() == ["JFK"]
    late = read(
        SPEC,
        source_of([{**EVERYDAY, "at": datetime.max.replace(tzinfo=LOCAL.tzinfo)}, EVERYDAY], SPEC),
    )
    assert list(late.problems) == [0]


@pytest.mark.parametrize("text", ["-999", "-999.0", " -999 ", -999, -999.0])
def test_a_number_that_means_missing_is_missing_however_it_is_written(text: Any) -> None:
    slow, quick = verdicts(SPEC, {**EVERYDAY, "late": text, "target": text})
    assert quick == slow
    (row,) = quick[1]
    assert (row["late"], row["target"]) == (None, None)


@pytest.mark.parametrize("text", RULES)
@settings(max_examples=12)
@given(
    row=st.fixed_dictionaries(
        {"clock": numbers, "minute": numbers, "left": st.none() | numbers, "late": numbers}
    ),
    port=st.sampled_from([None, "JFK", "LGA"]),
)
def test_no_rule_is_taken_for_kept_that_is_broken(
    text: str, row: dict[str, Any], port: str | None
) -> None:
    kinds = {"clock": "number", "minute": "number", "left": "number", "late": "number"}
    columns = {name: Column(type=kind) for name, kind in kinds.items()}
    columns |= {"port": Column(type="text"), "tail": Column(type="text")}
    columns |= {"at": Column(type="timestamp")}
    rule = Rule(id="rule", expression=text, reason="so")
    spec = RowsSpec(landing=SPEC.landing, contract=Contract(columns=columns, rules=(rule,)))
    given_row = {**row, "port": port, "tail": None, "at": "2013-12-02T04:00:00Z"}
    slow, quick = verdicts(spec, given_row)
    assert quick is None or quick == slow
