"""Quantiles, counts and weights of classes: what trees are grown for."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.errors import StageError
from ml_assets.spec.families import CatBoost, FamilySpec, HistGradientBoosting, LightGBM, Linear
from ml_assets.stages.release.scoring import score
from ml_assets.stages.train.predict import predict
from ml_assets_tests.stages.flights import World, module
from ml_assets_tests.stages.test_onnx import as_csv, by_onnx, numbers

GROWN: list[FamilySpec] = [
    LightGBM(family="lightgbm", num_trees=60, num_leaves=7, min_data_in_leaf=20),
    CatBoost(family="catboost", num_trees=60, depth=3),
    HistGradientBoosting(family="hist_gradient_boosting", num_trees=60, num_leaves=7),
]
BY_FAMILY = pytest.mark.parametrize("family", GROWN, ids=lambda family: family.family)


def learned(world: World, family: FamilySpec, metric: str) -> tuple[dict[str, Any], Any, pa.Table]:
    """Return a refitted model, its predictions of the last two days, and their features."""
    fitted = world.fit(family, metric=metric)
    found = world.refit(family, fitted, metric=metric).outputs["model"]
    model = json.loads(json.dumps(found))
    days = [world.features[day].table() for day in ("day7", "day8")]
    rows = pa.concat_tables(days).unify_dictionaries()
    return model, predict(model, module(family.family), rows), rows


def elsewhere(model: dict[str, Any], rows: pa.Table) -> tuple[Any, Any]:
    """Return what a bundle's program and ONNX predict."""
    rows = rows.select(list(model["columns"]))
    target = io.StringIO()
    score.score(model, io.StringIO(as_csv(rows), newline=""), target)
    plain = rows.set_column(
        rows.column_names.index("carrier"), "carrier", rows["carrier"].cast(pa.string())
    )
    return np.array(numbers(target.getvalue()))[:, 0], by_onnx(model, plain)


@BY_FAMILY
def test_a_quantile_follows_from_the_metric(family: FamilySpec) -> None:
    model, said, rows = learned(World(), family, "pinball_0.9")
    below = (rows["_target"].to_numpy() <= said).mean()
    # 400 rows: three standard errors of a share of 0.9 are 0.045, and trees are not exact.
    assert 0.82 < below < 0.97
    for other in elsewhere(model, rows):
        assert other == pytest.approx(said, rel=1e-9)


@BY_FAMILY
def test_a_quantile_that_is_asked_for(family: FamilySpec) -> None:
    asked = family.model_copy(update={"objective": "quantile", "alpha": 0.1})
    _, said, rows = learned(World(), asked, "mae")
    assert 0.03 < (rows["_target"].to_numpy() <= said).mean() < 0.18


@BY_FAMILY
def test_counts_are_above_zero_and_their_sum_is_kept(family: FamilySpec) -> None:
    world = World()
    world.change("_target", lambda table: pa.array(counts(table)))
    model, said, rows = learned(world, family, "poisson_deviance")
    assert said.min() > 0.0
    assert said.mean() == pytest.approx(rows["_target"].to_numpy().mean(), rel=0.1)
    for other in elsewhere(model, rows):
        assert other == pytest.approx(said, rel=1e-9)


def counts(table: pa.Table) -> Any:
    """Return counts whose mean grows with the hour."""
    hour = table["hour"].to_numpy()
    return np.random.default_rng(1).poisson(hour / 8.0).astype(float)


@BY_FAMILY
def test_counts_below_zero_are_refused(family: FamilySpec) -> None:
    world = World()
    world.change("_target", pa.array([-1.0, *range(199)], pa.float64()))
    with pytest.raises(StageError, match="objective poisson: 6 targets are below 0"):
        world.fit(family, metric="poisson_deviance")


@pytest.mark.parametrize("family", [*GROWN, Linear(family="linear")], ids=lambda f: f.family)
def test_a_class_that_counts_ten_times_is_likelier(family: FamilySpec) -> None:
    world = World("binary")
    rare = np.where(np.arange(200) % 8 == 0, 1, 0).astype(np.int8)
    world.change("_target", pa.array(rare))
    weighted = family.model_copy(update={"class_weight": {"true": 10.0}})
    plain, heavy = (learned(world, kind, "log_loss")[1].mean() for kind in (family, weighted))
    assert heavy > plain + 0.1


def test_weights_of_classes_that_are_none() -> None:
    family = Linear(family="linear", class_weight={"lat": 2.0, "early": 1.0})
    with pytest.raises(StageError, match="no class 'lat'; did you mean 'late'"):
        World("multiclass").fit(family)
