"""The coverage of prediction intervals on test, and what the report says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.spec.families import LightGBM, Median, Prior
from ml_assets.spec.intervals import CalibrateSpec, CoverageSpec
from ml_assets.stages.evaluate import coverage_page
from ml_assets.stages.evaluate.coverage import coverage, exact
from ml_assets.stages.intervals.calibrate import calibrate
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import World, module

MEDIAN = Median(family="median")
LEVEL = 0.95


def measured(world: World, family: Any, limits: Any = None, **changes: Any) -> dict[str, Any]:
    """Fit a family, calibrate it (unless limits are given), and measure on test."""
    task: Any = world.task
    asked: dict[str, Any] = {"task": task, "coverage": 0.9, "by": ("carrier",)}
    model = given(world.fit(family).outputs["model"])
    if limits is None:
        limits = calibrate(
            CalibrateSpec(**asked),
            family=module(family.family),
            model=model,
            train=world.fold("train"),
            validation=world.fold("validation"),
            features=world.features,
        ).outputs["limits"]
    more: dict[str, Any] = {"block": "day", "slices": ("carrier", "origin")} | changes
    found = coverage(
        CoverageSpec(**asked, level=LEVEL, resamples=200, seed=1, **more),
        family=module(family.family),
        model=model,
        limits=given(limits),
        test=world.fold("test"),
        features=world.features,
    ).outputs["coverage"]
    assert isinstance(found, dict)
    return found


def fixed(limit: float | None) -> dict[str, Any]:
    return {
        "by": [],
        "hidden": [],
        "rows": 50,
        "method": "validation",
        "all": {"rows": 50, "limit": limit},
        "slices": [],
        "few": {"slices": 0, "rows": 0, "fewest": 100},
    }


def test_it_counts_the_rows_within_the_limit_by_batch_and_slice() -> None:
    world = World(rows=150)
    median = world.fit(MEDIAN).outputs["model"]["state"]["median"]  # type: ignore[index,call-overload]
    found = measured(world, MEDIAN, fixed(10.0))
    days = world.fold("test").table()["batch"].to_pylist()
    tables = [world.features[day].table() for day in days]
    inside = [np.abs(table["_target"].to_numpy() - median) <= 10.0 for table in tables]
    assert [entry["covered"] for entry in found["batches"]] == [int(part.sum()) for part in inside]
    assert found["all"]["covered"] == int(np.concatenate(inside).sum())
    assert found["all"]["size"] == 20.0
    origins = np.array([o for table in tables for o in table["_slice_origin"].to_pylist()])
    by_origin = {e["value"]: e["covered"] for e in found["slices"] if e["slice"] == "origin"}
    every = np.concatenate(inside)
    assert by_origin == {o: int(every[origins == o].sum()) for o in ("EWR", "JFK")}
    assert found["calibrated"] is False
    assert found["text"].startswith(f"not calibrated: covers {every.mean():.1%} of 300 test rows")


def test_a_calibrated_model_is_called_so() -> None:
    world = World(rows=400)
    found = measured(world, LightGBM(family="lightgbm", num_trees=30, num_leaves=7))
    assert found["calibrated"] is True
    assert found["text"].startswith("covers ")
    assert {tuple(entry["values"]) for entry in found["limits"]["slices"]} == {
        ("AA",),
        ("DL",),
        ("UA",),
    }


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_sets_of_classes_are_counted(task: str) -> None:
    world = World(task=task, rows=200)
    found = measured(world, Prior(family="prior"))
    assert found["all"]["share"] > 0.85
    assert 1 <= found["all"]["size"] <= (2 if task == "binary" else 3)


def test_a_target_that_is_not_finite_is_left_out() -> None:
    world = World(rows=150)
    last = list(world.features)[-1]
    holed = np.where(np.arange(150) == 3, np.inf, world.features[last].table()["_target"])
    world.change("_target", pa.array(holed), [last])
    found = measured(world, MEDIAN, fixed(10.0))
    assert (found["left_out"], found["all"]["rows"]) == (1, 299)


def test_without_a_limit_nothing_is_measured() -> None:
    found = measured(World(rows=150), MEDIAN, fixed(None))
    assert found["calibrated"] is False
    assert "50 rows are too few for intervals that cover 90%" in found["text"]
    assert coverage_page.show(found, "min").tables == ()


@pytest.mark.parametrize(
    ("covered", "rows", "wanted"),
    # Clopper and Pearson by R's binom.test.
    [(0, 10, [0.0, 0.3084971]), (10, 10, [0.6915029, 1.0]), (90, 100, [0.8237774, 0.9509953])],
)
def test_the_exact_interval_is_that_of_the_binomial_test(
    covered: int, rows: int, wanted: list[float]
) -> None:
    assert exact(covered, rows, LEVEL) == pytest.approx(wanted, abs=1e-7)


def test_rows_of_one_day_have_the_exact_interval_alone() -> None:
    world = World(rows=60)
    noon = np.full(60, np.datetime64("2013-01-01T12", "us"))
    world.change("_time", pa.array(noon, pa.timestamp("us", "UTC")))
    assert measured(world, MEDIAN, fixed(10.0))["all"]["days"] is None


def test_rows_that_are_drawn_have_the_exact_interval_alone() -> None:
    found = measured(World(rows=150), MEDIAN, fixed(10.0), block="row")
    assert found["all"]["days"] is None
    assert measured(World(rows=150), MEDIAN, fixed(10.0))["all"]["days"] is not None


def test_the_section_says_what_is_off_and_for_whom() -> None:
    section = coverage_page.show(measured(World(rows=400), MEDIAN, fixed(3.0)), "min")
    assert section.text.startswith("Not calibrated: covers ")
    first, *others = section.tables
    assert first.head == (
        ["Batch", "Rows", "Covered", "95% interval", "95% by days", "Mean width (min)"]
    )
    assert [line.cells[0].text for line in first.lines] == ["day7", "day8", "all"]  # type: ignore[union-attr]
    assert [table.title for table in others] == ["By carrier", "By origin"]
    assert ("not calibrated", "warn") in first.lines[-1].cells[0].tags  # type: ignore[union-attr]
