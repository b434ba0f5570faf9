"""Metrics: hand-checked values, and scikit-learn's."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn import metrics as theirs

from ml_assets.spec.metrics import METRICS
from ml_assets.spec.model import Evaluation, Training
from ml_assets.stages import metrics as ours
from ml_assets.stages.evaluate import words

MEDIAN: Any = {"median": {"family": "median"}}
RNG = np.random.default_rng(0)
Y, P = RNG.normal(size=200), RNG.normal(size=200)
ONES, CHANCE = RNG.integers(0, 2, 200).astype(float), RNG.random(200).round(2)
CLASSES = RNG.integers(0, 3, 200).astype(float)
SHARES = RNG.dirichlet([1, 1, 1], 200)
COUNTS, RATES = RNG.poisson(2.0, 200).astype(float), RNG.uniform(0.1, 5.0, 200)


def recall_at(precision: float) -> float:
    precisions, recalls, _ = theirs.precision_recall_curve(ONES, CHANCE)
    return float(recalls[precisions >= precision].max())


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
        (ours.pinball(0.9, Y, P), theirs.mean_pinball_loss(Y, P, alpha=0.9)),
        (ours.rmsle(COUNTS, RATES), theirs.root_mean_squared_log_error(COUNTS, RATES)),
        (
            ours.poisson_deviance(COUNTS, RATES),
            theirs.mean_poisson_deviance(COUNTS, RATES),
        ),
        (ours.recall_at_precision(0.55, ONES, CHANCE), recall_at(0.55)),
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
    assert set(METRICS[task]) == {*ours.BY_TASK[task], *ours.ASKED[task], *ours.NUMBERED[task]}
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


def test_a_quantile_and_a_precision_by_hand() -> None:
    target, prediction = np.array([10.0, 10.0]), np.array([8.0, 11.0])
    assert ours.pinball(0.9, target, prediction) == pytest.approx((0.9 * 2 + 0.1 * 1) / 2)
    # From the likeliest down: 1, 0, 1, 1: precision 1, 1/2, 2/3, 3/4.
    ones, chance = np.array([1.0, 0.0, 1.0, 1.0]), np.array([0.9, 0.8, 0.7, 0.6])
    assert ours.recall_at_precision(0.75, ones, chance) == 1.0
    assert ours.recall_at_precision(0.8, ones, chance) == pytest.approx(1 / 3)
    assert ours.recall_at_precision(0.6, np.array([0.0, 1.0]), np.array([0.9, 0.1])) == 0.0


def test_predictions_at_and_below_zero_of_counts_are_finite() -> None:
    target, prediction = np.array([0.0, 1.0]), np.array([-3.0, 0.0])
    assert ours.rmsle(target, prediction) == pytest.approx(math.log(2.0) / math.sqrt(2))
    wanted = 2.0 * (math.log(1e9) - 1.0) / 2
    assert ours.poisson_deviance(target, prediction) == pytest.approx(wanted)


def test_metrics_of_counts_need_targets_of_zero_and_above() -> None:
    target, also = np.array([-1.0, 1.0]), ("rmsle", "poisson_deviance", "pinball_0.5")
    values, notes = ours.measure("regression", target, np.ones(2), also)
    assert values["rmsle"] is None
    assert values["pinball_0.5"] == 0.5
    assert notes[-2:] == [
        "rmsle has no value: a target is below 0",
        "poisson_deviance has no value: a target is below 0",
    ]
    zeros = np.zeros(3)
    _, notes = ours.measure("binary", zeros, zeros + 0.5, ("recall_at_precision_0.9",))
    assert "recall_at_precision_0.9 has no value: no row is of class 1" in notes


def test_a_number_is_part_of_the_name() -> None:
    assert Training(families=MEDIAN, metric={"pinball": 0.9}).metric == "pinball_0.9"
    found = Evaluation(metrics=["mape", {"pinball": 0.05}]).metrics  # type: ignore[arg-type]
    assert found == {"mape": None, "pinball_0.05": None}
    found = Evaluation(metrics={"pinball": 0.5, "own": "own.py:cost"}).metrics  # type: ignore[dict-item]
    assert found == {"pinball_0.5": None, "own": "own.py:cost"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("pinball", "pinball needs a number between 0 and 1: {pinball: 0.9}"),
        ({"pinball": 90}, "pinball: got 90, wanted a number between 0 and 1, such as 0.9"),
        ({"mae": 0.5}, "'mae' takes no number"),
        ("pinbal", "no metric 'pinbal'; did you mean 'pinball'?"),
    ],
)
def test_wrong_metrics_are_explained(given: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        Training(families=MEDIAN, metric=given)
