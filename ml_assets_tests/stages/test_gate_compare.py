"""The statistics of the gate: limits, blocks, slices, and error rates by simulation."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from benchmarks.gate_errors import rate, world
from ml_assets.spec.gate import DecideSpec, GateSpec, NotWorse, Slices
from ml_assets.stages.gate import compare
from ml_assets.stages.paired.rows import PairedRows

FAST = GateSpec(not_worse=NotWorse(resamples=200))


def told(metric: str = "mae", task: Any = "regression", **gate: Any) -> DecideSpec:
    return DecideSpec(
        model="m",
        task=task,
        metric=metric,
        target="y",
        key=("row",),
        slices=("part",),
        gate=GateSpec.model_validate(gate),
    )


def every(rows: PairedRows) -> Any:
    return np.ones(len(rows.target), dtype=bool)


def test_blocks_by_kind() -> None:
    day = np.array(["2024-01-02T10", "2024-01-02T23", "2024-01-05T01", "NaT"], "datetime64[us]")
    rows = dataclasses.replace(
        world(4, 0, None, 0),
        time=day,
        batch=np.array([0, 0, 3, 3]),
        group=pa.chunked_array([pa.array(["b", "a", "b", "a"])]),
    )
    kept = every(rows)
    assert compare.blocks("day", rows, kept)[0].tolist() == [0, 0, 1, 2]
    assert compare.blocks("batch", rows, kept)[0].tolist() == [0, 0, 1, 1]
    assert compare.blocks("group", rows, kept)[0].tolist() == [0, 1, 0, 1]
    assert compare.blocks("row", rows, kept)[0].tolist() == [0, 1, 2, 3]
    kept[0] = False
    assert compare.blocks("batch", rows, kept)[0].tolist() == [0, 1, 1]
    timeless = dataclasses.replace(rows, time=np.full(4, np.datetime64("NaT", "us")))
    assert compare.blocks("day", timeless, every(rows)) == (pytest.approx([0, 1, 2, 3]), "row")


def test_a_margin_is_a_share_or_a_number() -> None:
    assert compare.allowed("2%", 50.0) == 1.0
    assert compare.allowed("2%", -0.5) == 0.01
    assert compare.allowed(0.5, 50.0) == 0.5


def test_limits_are_expanded_for_few_blocks() -> None:
    assert compare.expanded(0.95, 10_000) == pytest.approx(0.90, abs=2e-4)
    # By hand for 5 blocks: t(0.95, 4) = 2.1318, times sqrt(5/4) = 2.3835; 1 - 2 * Phi(-2.3835).
    assert compare.expanded(0.95, 5) == pytest.approx(0.98285, abs=1e-5)


@pytest.mark.parametrize(
    ("metric", "task", "candidate", "champion", "worse"),
    [
        ("mae", "regression", 12.0, 10.0, 2.0),
        ("r2", "regression", 0.6, 0.8, 0.2),
        ("auc", "binary", 0.9, 0.8, -0.1),
        ("log_loss", "multiclass", 0.5, 0.4, 0.1),
    ],
)
def test_worse_is_above_zero_whichever_way_a_metric_points(
    metric: str, task: str, candidate: float, champion: float, worse: float
) -> None:
    assert compare.worse_by(metric, candidate, champion) == pytest.approx(worse)


def test_a_metric_without_value_has_no_limit() -> None:
    rows = dataclasses.replace(world(100, 0, None, 0), target=np.zeros(100))
    draws, _ = compare.draw(NotWorse(), rows, every(rows), 1)
    assert draws is not None
    found = compare.overall(told("auc", "binary"), rows, every(rows), draws)
    assert found["candidate"] is None
    assert found["limit"] is None
    parts = compare.by_slice(told("auc", "binary"), Slices(), rows, every(rows), draws)
    assert not any(part["judged"] for part in parts)


def test_holm_by_hand() -> None:
    p = [0.01, 0.04, 0.03, None]
    entries: list[dict[str, Any]] = [{"judged": x is not None, "p": x} for x in p]
    compare._holm(entries, 0.05)
    assert [e["holm"] for e in entries] == [0.03, 0.06, 0.06, None]
    assert [e["worse_shown"] for e in entries] == [True, False, False, False]


@settings(max_examples=20)
@examples(st.integers(0, 10_000), st.floats(-0.2, 0.2))
def test_identical_models_pass_and_the_limit_is_above_the_figure(seed: int, worse: float) -> None:
    rows = world(200, worse, None, seed)
    draws, _ = compare.draw(FAST.not_worse, rows, every(rows), 1)
    assert draws is not None
    found = compare.overall(told(), rows, every(rows), draws)
    assert found["low"] < found["worse"] < found["limit"]
    same = dataclasses.replace(rows, candidate=rows.other)
    found = compare.overall(told(), same, every(rows), draws)
    assert found["worse"] == found["limit"] == 0.0
    parts = compare.by_slice(told(), Slices(min_rows=10), same, every(rows), draws)
    assert {part["p"] for part in parts} == {1.0}


def test_a_worse_model_is_let_through_as_rarely_as_is_said() -> None:
    """60 simulated candidates a case; the docs have the table of `benchmarks.gate_errors`."""
    assert rate(2_000, 0.02, None, 60, FAST) <= 0.15
    assert rate(2_000, 0.10, None, 60, FAST) == 0.0
    assert rate(2_000, -0.10, None, 60, FAST) >= 0.95
    assert rate(2_000, -0.075, 0.30, 60, FAST) <= 0.1
