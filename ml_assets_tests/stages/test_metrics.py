"""Metrics: hand-checked values, and scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as theirs

from ml_assets.spec.metrics import METRICS
from ml_assets.stages import metrics as ours
from ml_assets.stages.evaluate import words

RNG = np.random.default_rng(0)
Y, P = RNG.normal(size=200), RNG.normal(size=200)
ONES, CHANCE = RNG.integers(0, 2, 200).astype(float), RNG.random(200).round(2)
CLASSES = RNG.integers(0, 3, 200).astype(float)
SHARES = RNG.dirichlet([1, 1, 1], 200)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (ours.mae(Y, P), theirs.mean_absolute_error(Y, P)),
        (ours.rmse(Y, P), theirs.root_mean_squared_error(Y, P)),
        (ours.r2(Y, P), theirs.r2_score(Y, P)),
        (ours.median_ae(Y, P), theirs.median_absolute_error(Y, P)),
        (
            ours.log_loss(ONES, CHANCE.clip(0.01, 0.99)),
            theirs.log_loss(ONES, CHANCE.clip(0.01, 0.99)),
        ),
        (ours.brier(ONES, CHANCE), theirs.brier_score_loss(ONES, CHANCE)),
        (ours.auc(ONES, CHANCE), theirs.roc_auc_score(ONES, CHANCE)),
        (ours.accuracy(ONES, CHANCE), theirs.accuracy_score(ONES, CHANCE >= 0.5)),
        (ours.mape(Y, P), theirs.mean_absolute_percentage_error(Y, P)),
        (ours.f1(ONES, CHANCE), theirs.f1_score(ONES, CHANCE >= 0.5)),
        (ours.average_precision(ONES, CHANCE), theirs.average_precision_score(ONES, CHANCE)),
        (
            ours.balanced_accuracy(ONES, CHANCE),
            theirs.balanced_accuracy_score(ONES, CHANCE >= 0.5),
        ),
        (
            ours.balanced_accuracy(CLASSES, SHARES),
            theirs.balanced_accuracy_score(CLASSES, SHARES.argmax(axis=1)),
        ),
        (
            ours.f1(CLASSES, SHARES),
            theirs.f1_score(CLASSES, SHARES.argmax(axis=1), average="macro"),
        ),
        (ours.log_loss(CLASSES, SHARES), theirs.log_loss(CLASSES, SHARES)),
        (ours.accuracy(CLASSES, SHARES), theirs.accuracy_score(CLASSES, SHARES.argmax(axis=1))),
    ],
)
def test_as_scikit_learn(found: float, wanted: float) -> None:
    assert found == pytest.approx(wanted, rel=1e-12)


def test_by_hand() -> None:
    target, prediction = np.array([1.0, 2.0, 6.0]), np.array([1.0, 4.0, 2.0])
    assert ours.mae(target, prediction) == 2.0
    assert ours.rmse(target, prediction) == pytest.approx(math.sqrt(20 / 3))
    assert ours.r2(target, prediction) == pytest.approx(1 - 20 / 14)
    assert ours.auc(np.array([0.0, 1.0, 1.0]), np.array([0.5, 0.5, 0.9])) == 0.75


def test_a_certain_mistake_is_finite() -> None:
    assert ours.log_loss(np.array([1.0]), np.array([0.0])) == pytest.approx(-math.log(1e-15))


def test_a_class_unknown_to_the_model_counts_as_wrong() -> None:
    target, shares = np.array([-1.0, 0.0]), np.array([[0.9, 0.1], [1.0, 0.0]])
    assert ours.accuracy(target, shares) == 0.5
    assert ours.log_loss(target, shares) == pytest.approx(-math.log(1e-15) / 2)


def test_no_value_has_a_reason() -> None:
    values, notes = ours.measure("regression", np.ones(3), np.zeros(3))
    assert values == {"mae": 1.0, "rmse": 1.0, "r2": None, "median_ae": 1.0}
    assert notes == ["r2 has no value: the target is constant"]
    values, notes = ours.measure("binary", np.ones(3), np.full(3, 0.5))
    assert values["auc"] is None
    assert notes == ["auc has no value: only one class occurs"]
    values, _ = ours.measure("multiclass", np.empty(0), np.empty((0, 2)))
    assert values == {"log_loss": None, "accuracy": None}


def test_a_metric_beyond_all_numbers_has_no_value() -> None:
    values, notes = ours.measure("regression", np.array([0.0, 1.0]), np.array([1e200, 1.0]))
    assert values["mae"] == 5e199
    assert values["rmse"] is None
    assert notes[0] == (
        "rmse has no value: too large for a float: targets reach 1, predictions 1e+200 in magnitude"
    )


def test_direction() -> None:
    assert ours.is_better("mae", 1.0, 2.0)
    assert ours.is_better("auc", 0.9, 0.8)
    assert not ours.is_better("r2", 0.5, 0.5)


@pytest.mark.parametrize("task", METRICS)
def test_each_metric_that_a_spec_may_name_is_defined_and_in_words(task: str) -> None:
    assert set(METRICS[task]) == {*ours.BY_TASK[task], *ours.ASKED[task]}
    assert set(METRICS[task]) <= set(words.NAMES) & set(words.LOSSES)


def test_only_what_is_asked_for_is_measured() -> None:
    values, _ = ours.measure("binary", ONES, CHANCE, ("f1",))
    assert list(values) == [*ours.BY_TASK["binary"], "f1"]


def test_asked_metrics_without_a_value_have_a_reason() -> None:
    zeros = np.zeros(3)
    also = tuple(ours.ASKED["binary"])
    values, notes = ours.measure("binary", zeros, zeros + 0.2, also)
    assert [values[name] for name in also] == [None] * 3
    assert "f1 has no value: no row is of class 1" in notes
    _, notes = ours.measure("regression", np.array([0.0, 1.0]), np.ones(2), ("mape",))
    assert notes == ["mape has no value: a target is 0"]
