"""Leakage by name, by declared source, and by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.stages.check.target_leakage import FEW, check
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flight_features import spec

RANDOM = np.random.default_rng(1)
COUNT = 400
ARR = RANDOM.normal(size=COUNT)


def verdict(columns: dict[str, Any], target: Any, values: dict[str, Any], **changes: Any) -> Check:
    table = pa.table({**values, "_target": target})
    (found,) = check(spec(columns=columns, **changes), features=given(table)).checks
    return found


def one(value: Any, target: Any = ARR, kind: str = "number", task: str = "regression") -> Check:
    return verdict({"x": {"type": kind}}, target, {"x": value}, task=task)


def test_honest_features_are_green_and_the_nearest_is_named() -> None:
    found = one(ARR + RANDOM.normal(size=COUNT))
    assert found.passed
    assert found.description.startswith("withheld: arr (arrival), arr_time (arrival); nearest")
    assert 0.5 < found.metadata["association"]["x"] < 0.9


def test_the_name_of_a_withheld_column() -> None:
    found = verdict({"arr_time": {"type": "number"}}, ARR, {"arr_time": np.zeros(COUNT)})
    assert found.passed is False
    assert found.description.startswith("arr_time has the name of a column known only at arrival")


@pytest.mark.parametrize(
    ("source", "passed"),
    [("flights.arr_time", False), ("flights.dep", True), ("weather.arr_time", True)],
)
def test_a_source_that_is_withheld(source: str, passed: bool) -> None:
    column = {"type": "number", "sources": [source]}
    found = verdict({"x": column}, ARR, {"x": np.zeros(COUNT)})
    assert found.passed is passed
    assert ("comes from flights.arr_time" in found.description) is not passed


@pytest.mark.parametrize("sign", [1, -1])
def test_a_value_that_orders_rows_as_the_target(sign: int) -> None:
    found = one(sign * np.exp(ARR))
    assert found.passed is False
    assert found.description.startswith(
        "x alone almost gives the target (|Spearman| 1.000 >= 0.98)"
    )


def test_missing_values_do_not_hide_it() -> None:
    value = pa.array(ARR, mask=np.arange(COUNT) % 2 == 0)
    assert one(value).passed is False


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_value_that_tells_a_class(task: str) -> None:
    late = ARR > 0.5
    target = late.astype("int8") if task == "binary" else np.where(late, "late", "not")
    assert one(ARR, target, task=task).passed is False
    assert one(RANDOM.normal(size=COUNT), target, task=task).passed
    assert "AUC 1.000 >= 0.98" in one(late, target, "boolean", task).description


def test_one_of_three_classes() -> None:
    target = np.select([ARR > 0.6, ARR < -0.6], ["high", "low"], "middle")
    found = one((ARR > 0.6).astype("int64"), target, "integer", "multiclass")
    assert found.passed is False


def test_a_category_is_judged_on_rows_that_it_was_not_taken_from() -> None:
    told = np.where(ARR > 0, "yes", "no")
    assert one(pa.array(told).dictionary_encode(), ARR > 0, "category", "binary").passed is False
    # Each value stands once: means of single rows would give everything away.
    names = pa.array([str(n) for n in range(COUNT)]).dictionary_encode()
    assert one(names, ARR, "category").passed
    assert one(pa.array(np.where(ARR > 0, "a", None)).dictionary_encode(), ARR, "category").passed


def test_constant_features_and_rare_classes_say_nothing() -> None:
    assert one(np.zeros(COUNT)).metadata["association"] == {"x": 0.0}
    rare = np.arange(COUNT) < 5
    assert one(rare.astype(float), rare.astype("int8"), task="binary").passed


def test_few_labels_are_not_judged_and_many_are_sampled() -> None:
    few = pa.array(ARR, mask=np.arange(COUNT) >= FEW - 1)
    found = one(ARR, few)
    assert found.passed
    assert found.description.endswith("too few labelled rows (99) to judge values")
    long = RANDOM.normal(size=12_000)
    assert one(long, long).passed is False


def test_nothing_withheld() -> None:
    found = verdict({"x": {"type": "number"}}, ARR, {"x": ARR[::-1]}, withheld={}, predict_at=None)
    assert found.description.startswith("withheld: nothing")
