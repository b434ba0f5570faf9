"""LightGBM's rows: of one table and of batches alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.spec.families import LightGBM
from ml_assets.stages.train import folds
from ml_assets.stages.train.binned import AT_ONCE, binned, sampling_seed
from ml_assets.stages.train.lightgbm import grow, parameters
from ml_assets_tests.stages.flights import World, references

TREES = LightGBM(family="lightgbm", num_trees=20, num_leaves=7, min_data_in_leaf=10)
SAMPLED = 300
"""Rows that bins are drawn from: fewer than there are."""


def text_of(world: World, at_once: int, seed: int = 1) -> str:
    """Return the text of trees grown on train, stopped on validation."""
    import lightgbm

    spec = world.spec(TREES)
    odd = [(f"day{n}", row, row + 2) for n in range(6) for row in range(n, 200 - n, 3)]
    rows = [references(odd).table(), world.fold("validation").table()]
    (train, validation), context, _ = folds.load(spec, rows, world.features)
    params: dict[str, Any] = {
        **parameters(TREES, context),
        "seed": seed,
        "bin_construct_sample_cnt": SAMPLED,
        "max_bin": 40,
    }
    data = binned(params, train, at_once=at_once)
    held_out = binned(params, validation, reference=data, at_once=at_once)
    booster = lightgbm.train(params, data, 5, valid_sets=[held_out])
    assert data.num_data() == len(train.target)
    assert held_out.num_data() == 200
    return str(booster.model_to_string()) + str(booster.best_score)


@pytest.mark.parametrize(
    ("task", "weighted"), [("regression", False), ("regression", True), ("multiclass", True)]
)
def test_one_table_and_batches_grow_the_same_trees(task: str, weighted: bool) -> None:
    world = World(task, weighted=weighted)
    table = text_of(world, AT_ONCE)
    assert text_of(world, 0) == table
    # What was drawn matters here: so the same rows were.
    assert text_of(world, 0, seed=2) != table


@pytest.mark.parametrize(
    ("task", "metric"),
    [("regression", "mae"), ("binary", "auc"), ("binary", "brier"), ("multiclass", "accuracy")],
)
def test_weights_of_train_are_not_those_of_validation(task: str, metric: str) -> None:
    world = World(task, weighted=True)
    rows = [world.fold("train").table(), world.fold("validation").table()]
    spec = world.spec(TREES, metric=metric)
    (train, validation), context, _ = folds.load(spec, rows, world.features)
    params, found = parameters(TREES, context), []
    for at_once in (AT_ONCE, 0):
        data = binned(params, train, at_once=at_once)
        plain = replace(validation, weight=None)
        held_out = binned(params, plain, reference=data, at_once=at_once)
        assert data.get_field("weight") == pytest.approx(train.weight)
        assert held_out.get_field("weight") is None
        found.append(grow(TREES, (data, held_out), context))
    assert found[0] == found[1]
    assert found[0]["trees"] > 1


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1))
def test_lightgbm_draws_its_sample_from_the_seed_alike(seed: int) -> None:
    import lightgbm

    params = {"seed": seed, "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 1}
    rows = lightgbm.Dataset(np.eye(4), label=np.arange(4.0), params=params)
    text = lightgbm.train(params, rows, 1).model_to_string()
    assert f"[data_random_seed: {sampling_seed(seed)}]" in text


def test_a_batch_is_read_once_for_bins_and_once_for_rows() -> None:
    world = World()
    asked = []

    class Counted:
        digest = ""

        def __init__(self, day: str) -> None:
            self.day = day

        def table(self, columns: Any = None) -> pa.Table:
            asked.append(self.day)
            return world.features[self.day].table(columns)

    counted: Any = {day: Counted(day) for day in world.features}
    (train,), context, _ = folds.load(world.spec(TREES), [world.fold("train").table()], counted)
    asked.clear()
    binned(parameters(TREES, context), train, at_once=0)
    assert asked == [f"day{n}" for n in range(6)] * 2
