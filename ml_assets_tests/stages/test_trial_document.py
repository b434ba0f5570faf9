"""A trial's document and page, on frames that can be checked by eye."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
import pytest

from ml_assets.spec.trial import Contender, TrialRun, TrialSpec
from ml_assets.stages.result import Result
from ml_assets.stages.trial.trial import trial
from ml_assets_tests.handles import given
from ml_assets_tests.stages.test_pairs import table

DAYS = [datetime(2024, 3, day, 12) for day in (1, 1, 2, 3)]


def tried(
    task: Literal["regression", "binary", "multiclass"],
    metric: str,
    target: Sequence[Any],
    ours: pa.Table,
    theirs: pa.Table,
    times: Sequence[datetime | None] = DAYS,
    **rules: Any,
) -> Result:
    spec = TrialRun(
        model="delay",
        task=task,
        metric=metric,
        target_unit="<min>",
        trial=TrialSpec(**rules),
        champion=Contender(version="v0", digest="d1:0"),
        challenger=Contender(version="v1", digest="d1:1"),
    )
    labels = table(_time=pa.array(times, pa.timestamp("us")), _target=list(target))
    return trial(
        spec,
        predictions={"b": given(ours)},
        challenger_predictions={"b": given(theirs)},
        features={"b": given(labels)},
    )


def test_days_but_the_newest_with_rows_that_count() -> None:
    seen = [False, False, True, False, False, False]
    made = tried(
        "regression",
        "mae",
        [10.0, 10.0, 10.0, 10.0, None, 10.0],
        table(prediction=[12.0, 14.0, 0.0, 9.0, 1.0, 7.0], seen=seen),
        table(prediction=[11.0, 10.0, 9.0, 8.0, 1.0, 8.0], seen=[False] * 6),
        [DAYS[0], DAYS[1], DAYS[1], DAYS[2], DAYS[2], DAYS[3]],
    )
    found: Any = made.outputs["trial"]
    shown = [(b["start"], b["rows"], b["champion"], b["challenger"]) for b in found["blocks"]]
    assert shown == [("2024-03-01", 2, 3.0, 0.5), ("2024-03-02", 1, 1.0, 2.0)]
    assert [b["bound"] for b in found["blocks"]] == [2.5, 1.0]
    assert [b["value"] for b in found["blocks"]] == [-1.0, 1.0]
    assert (found["rows"], found["unlabelled"], found["verdict"]) == (4, 1, "running")
    assert found["means"] == {"champion": 2.0, "challenger": 1.25, "value": 0.0}
    page = bytes(made.outputs["report"]).decode()  # type: ignore[arg-type]
    assert "3.000 &lt;min&gt;" in page
    assert "<min>" not in page
    assert page.count("<svg") == 1
    assert "http" not in page


def test_a_class_counts_as_the_threshold_decided_it() -> None:
    seen = [False] * 4
    made = tried(
        "binary",
        "accuracy",
        [True, True, False, True],
        table(prediction=[0.6, 0.4, 0.4, 0.9], **{"class": [True, False, False, True]}, seen=seen),
        table(prediction=[0.6, 0.4, 0.4, 0.9], **{"class": [True, True, True, True]}, seen=seen),
    )
    found: Any = made.outputs["trial"]
    assert [(b["champion"], b["challenger"]) for b in found["blocks"]] == [(0.5, 0.0), (0.0, 1.0)]
    assert [b["value"] for b in found["blocks"]] == [-1.0, 1.0]


def test_a_class_that_one_model_does_not_know_has_probability_zero() -> None:
    seen = [False] * 4
    two = {"probability_a": [0.5] * 4, "probability_b": [0.5] * 4}
    three = {"probability_a": [0.5] * 4, "probability_b": [0.25] * 4, "probability_c": [0.25] * 4}
    said = ["a"] * 4
    made = tried(
        "multiclass",
        "log_loss",
        ["a", "b", "b", "a"],
        table(prediction=said, **two, seen=seen),
        table(prediction=said, **three, seen=seen),
    )
    found: Any = made.outputs["trial"]
    # On average ln 2 worse on b, of at most ln 0.25 - ln 1e-15, on c.
    widest = 33.152
    assert [b["bound"] for b in found["blocks"]] == pytest.approx([widest] * 2, abs=1e-3)
    assert [b["value"] for b in found["blocks"]] == pytest.approx(
        [0.3466 / widest, 0.6931 / widest], abs=1e-4
    )


def test_no_rows_make_a_page_too() -> None:
    none = table(prediction=pa.array([], pa.float64()), seen=pa.array([], pa.bool_()))
    made = tried("regression", "mae", [], none, none, [])
    found: Any = made.outputs["trial"]
    assert (found["blocks"], found["means"], found["verdict"]) == ([], None, "running")
    assert b"none yet" not in bytes(made.outputs["report"])  # type: ignore[arg-type]
