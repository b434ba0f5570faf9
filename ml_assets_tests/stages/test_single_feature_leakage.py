"""Leakage by value, over all batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.spec.model import LeakageSpec
from ml_assets.stages.check.single_feature_leakage import FEW, check
from ml_assets.stages.result import Check
from ml_assets_tests.handles import Given, given

RANDOM = np.random.default_rng(1)
COUNT = 400
ARR = RANDOM.normal(size=COUNT)


def judged(
    batches: dict[str, Given], kind: str = "number", task: str = "regression", **acknowledged: str
) -> Check:
    spec = {"task": task, "columns": {"x": {"type": kind}}, "acknowledged": acknowledged}
    (found,) = check(LeakageSpec.model_validate(spec), features=batches).checks
    return found


def one(value: Any, target: Any = ARR, kind: str = "number", task: str = "regression") -> Check:
    return judged({"2020-01": given(pa.table({"x": value, "_target": target}))}, kind, task)


def near(noise: list[float]) -> dict[str, Given]:
    """Return a batch for each spread of what a second sensor measures besides."""
    return {
        f"{number:02}": given(
            pa.table({"x": ARR + spread * RANDOM.normal(size=COUNT), "_target": ARR})
        )
        for number, spread in enumerate(noise)
    }


def test_honest_features_are_green_and_the_nearest_is_named() -> None:
    found = one(ARR + RANDOM.normal(size=COUNT))
    assert found.passed
    assert found.description.startswith("closest to the target is x (|Spearman| 0.")
    assert 0.5 < found.metadata["association"]["x"] < 0.9


def test_one_batch_of_fourteen_does_not_judge() -> None:
    found = judged(near([0.05, *[0.4] * 13]))
    assert found.passed
    assert "in 14 batches" in found.description
    assert found.metadata["at_least"]["x"] < found.metadata["association"]["x"] < 0.98


def test_all_batches_do() -> None:
    assert judged(near([0.05] * 14)).passed is False


def test_what_may_be_chance_is_green() -> None:
    found = judged(near([0.2]))
    assert found.metadata["at_least"]["x"] < 0.98 <= found.metadata["association"]["x"] + 0.01
    assert found.passed


def test_an_acknowledged_feature_is_named_and_green() -> None:
    found = judged(near([0.05] * 3), x="Read before the lab.")
    assert found.passed
    assert found.description.startswith("x is acknowledged (|Spearman| 0.99")
    assert "in 3 batches): Read before the lab.; closest" in found.description
    assert found.metadata["acknowledged"] == {"x": "Read before the lab."}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_value_that_orders_rows_as_the_target(sign: int) -> None:
    found = one(sign * np.exp(ARR))
    assert found.passed is False
    assert found.description.startswith(
        "x alone almost determines the target (|Spearman| 1.000, at least 1.000, in 1 batch); "
        "wanted below 0.98: remove it, or if its value is known in time, explain why in "
        "features.leakage.acknowledged; closest"
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
    assert "AUC 1.000" in one(late, target, "boolean", task).description


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
    assert found.description.endswith("no batch has 100 labelled rows, so values were not judged")
    long = RANDOM.normal(size=12_000)
    assert one(long, long).passed is False
