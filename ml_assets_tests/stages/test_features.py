"""The features table: key, time, target, weight, slices, and the user's function held to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.errors import StageError
from ml_assets.stages.features import features
from ml_assets.stages.identity import identities
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flight_features import build, flights, spec


def make(
    hook: Callable[..., Any] = build, table: pa.Table | None = None, **changes: Any
) -> pa.Table:
    main = given(flights() if table is None else table)
    result = features(spec(**changes), hook=hook, main=main, joins={}, previous={})
    return result.outputs["features"]


def failing(hook: Callable[..., Any], **changes: Any) -> str:
    with pytest.raises(StageError) as caught:
        make(hook, **changes)
    return str(caught.value)


def test_values_in_declared_order_and_type() -> None:
    table = make()
    assert table.column_names == ["_key", "_time", "_target", "_line", "dep", "carrier"]
    assert table["_key"].to_pylist() == ["UA|1", "A\\|A|2", "\\L4"]
    assert table["_target"].to_pylist() == [11.0, 20.0, None]
    assert table["_line"].to_pylist() == [2, 3, 4]
    assert table["dep"].to_pylist() == [2.0, 4.0, None]
    assert table["carrier"].to_pylist() == ["UA", "A|A", None]
    assert table["carrier"].type == pa.dictionary(pa.int32(), pa.string())
    assert table["carrier"].chunk(0).dictionary.to_pylist() == ["A|A", "UA"]
    assert table["_time"][0].as_py() == dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)


def test_counts_are_metadata() -> None:
    result = features(spec(), hook=build, main=given(flights()), joins={}, previous={})
    assert result.metadata == {"rows": 3, "labelled": 2}


def test_an_empty_batch_has_the_schema_and_does_not_call_the_function() -> None:
    def never(flights: pd.DataFrame) -> pd.DataFrame:
        raise AssertionError

    empty = make(never, table=flights().slice(0, 0), slices=("number",))
    assert len(empty) == 0
    assert empty.schema == make(slices=("number",)).schema


def test_rows_without_a_key_are_known_by_their_inputs() -> None:
    table = make(key=(), inputs=("carrier", "dep"))
    cleaned = flights()
    assert table["_key"].to_pylist() == identities(cleaned, ["carrier", "dep"]).to_pylist()
    turned = cleaned.take(pa.array([2, 1, 0])).set_column(0, "_line", pa.array([7, 8, 9]))
    again = make(table=turned, key=(), inputs=("carrier", "dep"))
    assert again["_key"].to_pylist() == table["_key"].to_pylist()[::-1]


def test_a_row_that_lacks_its_group_is_its_own() -> None:
    keyed = make(key=("number",), group=("carrier",))
    assert keyed["_group"].to_pylist() == ["UA", "A\\|A", "\\K3"]
    known = make(key=(), inputs=("number",), group=("carrier",))
    assert known["_group"][2].as_py() == known["_key"][2].as_py()


def test_neither_key_nor_inputs_names_the_line_and_no_time_is_missing() -> None:
    table = make(key=(), time=None)
    assert table["_key"].to_pylist() == ["\\L2", "\\L3", "\\L4"]
    assert table["_time"].null_count == 3


def test_a_row_whose_label_is_wrong_has_features_and_no_target() -> None:
    reasons = pa.array([None, "arr.range", None], pa.string()).dictionary_encode()
    found = make(table=flights().append_column("_unlabelled", reasons))
    assert found["_target"].to_pylist() == [11.0, None, None]
    assert found["dep"].to_pylist() == make()["dep"].to_pylist()


def test_a_target_too_large_to_learn_names_its_first_line() -> None:
    said = failing(build, target="(arr - dep) * 1e100")
    assert said == (
        "delay: target '(arr - dep) * 1e100' is beyond 1e+100 in 2 of 2 rows, the first on line 2 "
        "of its batch; exclude such rows by a rule or filter, or predict its logarithm"
    )


def test_an_integer_beyond_what_a_float_holds_is_a_weight() -> None:
    place = flights().column_names.index("number")
    large = flights().set_column(place, "number", pa.array([2**63 - 1, 2**53 + 1, 1]))
    assert make(table=large, weight="number")["_weight"].to_pylist() == [2.0**63, 2.0**53, 1.0]


def test_group_weight_slices_and_date_time() -> None:
    day = pa.array([dt.date(2013, 1, 1)] * 3)
    table = make(
        table=flights().append_column("day", day),
        group=("carrier",),
        weight="number",
        slices=("number", "carrier", "day"),
        time="day",
    )
    assert table["_group"].to_pylist() == ["UA", "A\\|A", "\\L4"]
    assert table["_weight"].to_pylist() == [1.0, 2.0, 3.0]
    assert table["_slice_number"].to_pylist() == ["1", "2", "3"]
    assert table["_slice_day"].to_pylist() == ["2013-01-01"] * 3
    assert "_slice_carrier" not in table.column_names
    assert table["_time"][0].as_py() == dt.datetime(2013, 1, 1, tzinfo=dt.UTC)


def test_timestamps_in_a_key_are_text_in_utc() -> None:
    assert make(key=("at", "number"))["_key"][0].as_py() == "2013-01-01 05:00:00.000000|1"


@pytest.mark.parametrize(
    ("task", "target", "wanted"),
    [
        ("regression", "arr - dep", [9.0, 16.0, None]),
        ("regression", "number / (dep - 2)", [None, 1.0, None]),
        ("binary", "arr > 15", [0, 1, None]),
        ("binary", "number - 1", None),
        ("multiclass", "carrier", ["UA", "A|A", None]),
        ("multiclass", "number", ["1", "2", "3"]),
    ],
)
def test_target(task: str, target: str, wanted: list[Any] | None) -> None:
    if wanted is None:
        assert "wanted 0 and 1 (or true and false): 1 row has other values" in failing(
            build, task=task, target=target
        )
    else:
        assert make(task=task, target=target)["_target"].to_pylist() == wanted


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("arr > carrier", "target: 'arr > carrier' cannot be evaluated"),
        ("number.sum()", "no method sum; listed are isna"),
        ("at", "wanted numbers"),
    ],
)
def test_a_target_that_cannot_be_computed(target: str, message: str) -> None:
    assert message in failing(build, target=target)


def test_all_unlabelled() -> None:
    table = flights().set_column(5, "arr", pa.nulls(3, pa.float64()))
    assert make(table=table)["_target"].null_count == 3


def test_joined_frames_and_batches_before_come_by_name() -> None:
    seen: dict[str, Any] = {}

    def joined(flights: pd.DataFrame, **others: Any) -> pd.DataFrame:
        seen.update(others)
        seen["columns"] = list(flights)
        return build(flights)

    weather = [given(pa.table({"_line": [1], "temp": [float(n)]})) for n in range(3)]
    features(
        spec(),
        hook=joined,
        main=given(flights()),
        joins={"weather": weather[2]},
        previous={"weather": weather[:2], "flights": [given(flights())]},
    )
    assert seen["columns"] == ["number", "carrier", "at", "dep"]
    assert seen["weather"]["temp"].tolist() == [2.0]
    assert [frame["temp"].tolist() for frame in seen["weather_previous"]] == [[0.0], [1.0]]
    assert "arr_time" in seen["flights_previous"][0]


def test_changing_the_frame_changes_neither_key_nor_target() -> None:
    def changing(flights: pd.DataFrame) -> pd.DataFrame:
        made = build(flights).copy()
        flights["number"] = 0
        return made

    assert make(changing).equals(make())


@pytest.mark.parametrize(
    "use",
    [
        lambda flights: flights["arr_time"],
        lambda flights: flights[["dep", "arr_time"]],
        lambda flights: flights.arr_time,
    ],
)
def test_a_withheld_column_is_named_with_its_moment(use: Callable[..., Any]) -> None:
    assert failing(use).endswith(
        "column arr_time is known only at arrival; delay predicts at departure"
    )


def test_what_the_function_raises_is_said_with_its_place() -> None:
    def build(flights: pd.DataFrame) -> pd.DataFrame:
        raise ValueError("no such thing")

    message = failing(build)
    assert message.startswith("stages/test_features.py:test_what_the_function_raises")
    assert "raised ValueError at line " in message
    assert message.endswith(": no such thing")
    assert "did you mean 'carrier'" in failing(lambda flights: flights["carier"])


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (lambda flights: None, "returned NoneType, wanted a DataFrame"),
        (lambda flights: build(flights)[1:], "returned 2 rows for 3: 1 missing"),
        (lambda flights: build(flights)[::-1], "returned 3 rows for 3: in another order"),
        (
            lambda flights: build(flights).set_axis([0, 1, 9]),
            "returned 3 rows for 3: 1 missing, 1 that are not in the batch",
        ),
        (
            lambda flights: pd.concat([build(flights), build(flights)[:2]]),
            "returned 5 rows for 3: 2 duplicated",
        ),
        (
            lambda flights: build(flights).rename(columns={"dep": "dpe"}),
            "column 'dep' is missing; did you mean 'dpe'?",
        ),
        (lambda flights: build(flights).assign(more=1), "column 'more' is not in features.columns"),
        (
            lambda flights: pd.concat([build(flights), flights[["dep"]]], axis=1),
            "column 'dep' is duplicated",
        ),
        (
            lambda flights: build(flights).assign(dep=[np.inf, -np.inf, 0]),
            "column 'dep' is infinite or beyond 1e+100 in 2 of 3 rows",
        ),
        (lambda flights: build(flights).assign(dep="x"), "column 'dep' is object, wanted number"),
        (lambda flights: build(flights).assign(dep=True), "column 'dep' is bool, wanted number"),
        (
            lambda flights: build(flights).assign(carrier=1),
            "column 'carrier' is int64, wanted category of text",
        ),
        (
            lambda flights: build(flights).assign(carrier=["a", 1, 2.0]),
            "column 'carrier' is object, wanted category of text",
        ),
        (
            lambda flights: build(flights).assign(carrier=pd.Categorical([1, 2, 1])),
            "column 'carrier' is category, wanted category of text",
        ),
    ],
)
def test_what_the_function_must_not_return(hook: Callable[..., Any], message: str) -> None:
    assert message in failing(hook)


@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        ("number", [1, 2, 3], [1.0, 2.0, 3.0]),
        ("number", pd.array([1, None, 3], "Int64"), [1.0, None, 3.0]),
        ("number", pd.array([1.5, None, 3], "Float64"), [1.5, None, 3.0]),
        ("integer", [1, 2, 3], [1, 2, 3]),
        ("integer", [1.0, np.nan, 3.0], [1, None, 3]),
        ("integer", np.array([1, 2, 3], "uint8"), [1, 2, 3]),
        ("boolean", [True, False, True], [True, False, True]),
        ("boolean", pd.array([True, None, False], "boolean"), [True, None, False]),
        ("category", ["b", None, "a"], ["b", None, "a"]),
        ("category", pd.array(["b", None, "a"], "string"), ["b", None, "a"]),
        ("category", pd.Categorical(["b", "a", "b"], ["c", "b", "a"]), ["b", "a", "b"]),
        ("category", [None, None, None], [None, None, None]),
    ],
)
def test_types_that_are_taken(kind: str, values: Any, wanted: list[Any]) -> None:
    def hook(flights: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"x": values}, index=flights.index)

    column = make(hook, columns={"x": {"type": kind}})["x"]
    assert column.to_pylist() == wanted
    if kind == "category":
        used = column.chunk(0).dictionary.to_pylist()
        assert used == sorted({value for value in wanted if value is not None})


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("integer", [1.5, 2.0, np.nan], "is float64, wanted integer: 1 value has a fraction"),
        ("boolean", [0, 1, 0], "is int64, wanted boolean (bool or boolean)"),
        ("integer", [True, False, True], "is bool, wanted integer"),
        (
            "integer",
            [1e19, 2.0, 3.0],
            "is float64, wanted integer: 1 value needs more than 64 bits",
        ),
        ("integer", np.array([2**63, 1, 2], "uint64"), "1 value needs more than 64 bits"),
        ("number", [1e100, -2e100, 0.0], "beyond 1e+100 in 1 of 3 rows (the first got -2e+100)"),
    ],
)
def test_types_that_are_refused(kind: str, values: list[Any], message: str) -> None:
    def hook(flights: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"x": values}, index=flights.index)

    assert message in failing(hook, columns={"x": {"type": kind}})


def test_without_a_function_the_columns_are_the_features() -> None:
    kinds = {"carrier": "category", "number": "category", "dep": "number"}
    rules = spec(columns={name: {"type": kind} for name, kind in kinds.items()})
    table = features(rules, main=given(flights()), joins={}, previous={}).outputs["features"]
    assert table["carrier"].to_pylist() == ["UA", "A|A", None]
    assert table["number"].to_pylist() == ["1", "2", "3"]
    assert table["dep"].to_pylist() == [2.0, 4.0, None]
    assert table.schema.field("number").type == pa.dictionary(pa.int32(), pa.string())
