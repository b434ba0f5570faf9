"""The check `realized_metric`: worse than on test by more than both intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.spec.model import Intervals
from ml_assets.spec.monitored import RealizedBySpec
from ml_assets.stages.check.realized_metric import check
from ml_assets.stages.monitor.realized import by_slice
from ml_assets.stages.monitor.report import at_test, worse
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.monitored import METRIC, SPEC, figures, only


def on_test(name: str, low: float, high: float) -> dict[str, Any]:
    return {"test": {name: (low + high) / 2}, "intervals": {name: [low, high]}}


def verdict(share: float, **changed: Any) -> Check:
    realized = {"mae": {**METRIC, **changed}}
    shown = figures(realized=realized, labels={"rows": 60, "share": share})
    return only(check(SPEC, figures=given(shown)))


@pytest.mark.parametrize(
    ("name", "low", "high", "wanted"),
    [
        ("mae", 1.0, 1.4, True),
        ("mae", 1.0, 1.6, False),
        ("mae", 3.0, 4.0, False),
        ("auc", 3.0, 4.0, True),
        ("auc", 2.4, 4.0, False),
        ("auc", 1.0, 1.4, False),
    ],
)
def test_intervals_that_do_not_meet(name: str, low: float, high: float, wanted: bool) -> None:
    assert worse(name, METRIC, on_test(name, low, high)) is wanted


def test_of_one_class_only_there_is_what_needs_no_other() -> None:
    times = np.arange("2020-05-01", "2020-05-05", dtype="datetime64[D]").astype("datetime64[us]")
    rows = {"_key": list("abcd"), "_line": [2, 3, 4, 5]}
    features = pa.table({**rows, "_time": times, "_target": pa.array([1] * 4, pa.int8())})
    said = pa.table({**rows, "prediction": [0.5, 0.9, 0.9, 0.5], "seen": [False] * 4})
    spec = RealizedBySpec(
        task="binary",
        metric="auc",
        asked=("auc", "brier"),
        slices=(),
        intervals=Intervals(resamples=100),
        seed=1,
    )
    found = by_slice(spec, predictions=given(said), features=given(features), model=None)
    document = found.outputs["realized"]
    assert isinstance(document, dict)
    assert document["metrics"]["auc"]["value"] is None
    assert document["metrics"]["brier"]["value"] == pytest.approx((2 * 0.25 + 2 * 0.01) / 4)
    assert any(entry["why"].startswith("auc has no value") for entry in document["not_computed"])


def test_without_an_interval_nothing_is_said() -> None:
    assert worse("mae", METRIC, {}) is None
    assert worse("mae", {**METRIC, "low": None}, on_test("mae", 0, 1)) is None
    assert at_test("mae", {"test": {"mae": 1.0}, "intervals": {"mae": None}}) == {
        "value": 1.0,
        "low": None,
        "high": None,
    }


def test_it_says_how_many_rows_have_a_label() -> None:
    then = at_test("mae", on_test("mae", 1.0, 1.4))
    found = verdict(0.5, test=then, worse=True)
    assert found.passed is False
    assert found.description == (
        "mae 2 (1.5 to 2.5) of 30 rows with a label (50% have one); on test 1.2 (1 to 1.4): worse "
        "by more than both intervals"
    )
    assert verdict(1.0, test=then, worse=False).passed


def test_it_says_why_it_does_not_judge() -> None:
    why = [{"what": "realized metrics", "why": "none of 30 rows has a label yet"}]
    found = only(check(SPEC, figures=given(figures(not_computed=why))))
    assert (found.passed, found.description) == (None, "none of 30 rows has a label yet")
    assert verdict(1.0, test=None, worse=None).passed is None
    assert verdict(1.0, test={**METRIC, "low": None}, worse=None).passed is None
