"""Estimates without labels: by hand, against scikit-learn, and what has none and why."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as some

from benchmarks.estimates import EACH, KINDS, Tried, batch, line, past, stream
from ml_assets.stages import metrics
from ml_assets.stages.monitor import backtests, cbpe, ratio
from ml_assets.stages.monitor.backtests import Backtest
from ml_assets.stages.monitor.estimates import Estimator, fit, supported
from ml_assets.stages.monitor.reference import NotEstimable, Reference
from ml_assets.stages.train import folds

SURE = np.array([0.9, 0.9, 0.2])
SHARE = np.array([[0.3, 0.7], [0.3, 0.7], [0.9, 0.1]])
"""Three rows: said 0.9, 0.9 and 0.2; in truth 0.7, 0.7 and 0.1."""


def test_what_is_expected_of_three_rows_by_hand() -> None:
    assert cbpe.expected("accuracy", SURE, SHARE) == pytest.approx((0.7 + 0.7 + 0.9) / 3)
    brier = (2 * (0.7 * 0.1**2 + 0.3 * 0.9**2) + 0.1 * 0.8**2 + 0.9 * 0.2**2) / 3
    assert cbpe.expected("brier", SURE, SHARE) == pytest.approx(brier)
    # 1.4 rows are said to be of class 1 and are, 0.6 are not, 0.1 are and are not said to be.
    assert cbpe.expected("f1", SURE, SHARE) == pytest.approx(2 * 1.4 / (2 * 1.4 + 0.6 + 0.1))
    assert cbpe.expected("balanced_accuracy", SURE, SHARE) == pytest.approx(
        (1.4 / 1.5 + 0.9 / 1.5) / 2
    )
    # Of 1.5 ones and 1.5 zeros: 1.4 at 0.9 and 0.1 at 0.2, against 0.6 at 0.9 and 0.9 at 0.2.
    wins = 1.4 * 0.9 + 0.5 * (1.4 * 0.6 + 0.1 * 0.9)
    assert cbpe.expected("auc", SURE, SHARE) == pytest.approx(wins / (1.5 * 1.5))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_of_rows_whose_class_is_certain_the_metric_is_the_real_one(task: str) -> None:
    draw = np.random.default_rng(5)
    rows = batch(task, draw, 0.0, "one")
    certain = np.eye(3 if task == "multiclass" else 2)[rows.target.astype(int)]
    for name in supported(task):
        found = cbpe.expected(name, rows.prediction, certain)
        assert found == pytest.approx(metrics.function(task, name)(rows.target, rows.prediction))


@pytest.mark.parametrize("rows", [300, 2_000])
def test_probabilities_that_are_too_sure_are_calibrated(rows: int) -> None:
    draw = np.random.default_rng(2)
    said = np.repeat([0.05, 0.95], rows // 2)
    target = (draw.random(rows) < np.repeat([0.3, 0.7], rows // 2)).astype(float)
    share = cbpe.calibrated(said, target, np.array([0.05, 0.95]), None)[:, 1]
    wanted = [target[: rows // 2].mean(), target[rows // 2 :].mean()]
    assert share == pytest.approx(wanted, abs=0.005)


def test_classes_are_texts_and_a_class_that_the_model_does_not_know_is_left_out() -> None:
    classes = ["high", "low", "middle"]
    said = np.tile(np.eye(3), (60, 1)) * 0.7 + 0.1
    names = np.array(classes)[np.arange(180) % 3].astype(object)
    names[:6] = "other"
    target = folds.labels(pa.table({"_target": names.tolist()}), classes)
    share = cbpe.calibrated(said, target, said[:3], None)
    assert share.sum(axis=1) == pytest.approx(np.ones(3))
    assert (share.argmax(axis=1) == [0, 1, 2]).all()
    assert share.diagonal().min() > 0.95


def test_a_batch_that_is_like_half_of_the_reference_weighs_that_half() -> None:
    draw = np.random.default_rng(3)
    known = np.repeat([0.0, 5.0], 200)[:, None] + draw.normal(size=(400, 1))
    weight = ratio.weights(known, 5.0 + draw.normal(size=(100, 1)), 7)
    assert weight.mean() == pytest.approx(1.0)
    assert weight[200:].mean() > 10 * weight[:200].mean()


def test_of_constant_columns_all_rows_weigh_the_same() -> None:
    assert ratio.weights(np.ones((200, 2)), np.ones((50, 2)), 7) == pytest.approx(np.ones(200))


def test_a_batch_unlike_the_whole_reference_has_no_weights() -> None:
    draw = np.random.default_rng(4)
    known = np.append(draw.normal(size=400), np.full(8, 9.0))[:, None]
    with pytest.raises(NotEstimable, match=r"408 rows are worth .* wanted at least 30"):
        ratio.weights(known, np.full((300, 1), 9.0) + draw.normal(0, 0.1, (300, 1)), 7)


@settings(max_examples=30)
@drawn(some.lists(some.floats(0, 100), min_size=9, max_size=40), some.integers(30, 500))
def test_the_reach_is_a_conformal_limit_of_earlier_errors(errors: list[float], rows: int) -> None:
    tests = [Backtest("b", 100, 0.0, error, None) for error in errors]
    found = backtests.reach(tests, rows, 100.0, 0.9)
    assert found is not None
    wider = max(1.0, (100 / rows) ** 0.5)
    within = sum(error * wider <= found * (1 + 1e-12) for error in errors)
    assert within >= 0.9 * (len(errors) + 1) - 1e-9
    assert found == pytest.approx(wider * sorted(errors)[within - 1])
    assert backtests.reach(tests[:8], rows, 100.0, 0.9) is None


@pytest.fixture(scope="module")
def known() -> Reference:
    return past("binary", np.random.default_rng(1))


@pytest.fixture(scope="module")
def estimator(known: Reference) -> Estimator:
    return fit("binary", "log_loss", known)


def test_each_batch_is_estimated_from_those_before(known: Reference, estimator: Estimator) -> None:
    names, place = known.numbered()
    assert [one.batch for one in estimator.tried] == names[1:]
    # What comes later has no say: without it, all is the same up to where learning is renewed.
    short = fit("binary", "log_loss", known.where(place <= 3))
    assert short.tried[0] == estimator.tried[0]
    assert len(estimator.tested) == len(names) - 1 - 9


def test_an_estimate_is_a_document(known: Reference, estimator: Estimator) -> None:
    new = batch("binary", np.random.default_rng(9), 0.0, "new")
    found = estimator.estimate(new.features, new.prediction)
    assert found == fit("binary", "log_loss", known).estimate(new.features, new.prediction)
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document | {"value": None, "low": None, "high": None, "covered": None} == {
        "method": "cbpe",
        "weighted": False,
        "value": None,
        "low": None,
        "high": None,
        "rows": EACH,
        "backtests": 30,
        "covered": None,
        "status": "estimated",
        "why": None,
    }
    assert 0 <= document["low"] < document["value"] < document["high"]


def test_a_smaller_batch_has_a_wider_interval(estimator: Estimator) -> None:
    new = batch("binary", np.random.default_rng(9), 0.0, "new")
    widths = []
    for rows in (EACH, 40):
        found = estimator.estimate(new.features[:rows], new.prediction[:rows])
        assert found.value is not None
        assert found.high is not None
        widths.append(found.high - found.value)
    assert widths[1] / widths[0] == pytest.approx((EACH / 40) ** 0.5)


def _why(estimator: Estimator, rows: int = EACH) -> str:
    new = batch("binary", np.random.default_rng(9), 0.0, "new")
    found = estimator.estimate(new.features[:rows], new.prediction[:rows])
    assert (found.status, found.value, found.low, found.high) == ("not estimable", None, None, None)
    assert found.why is not None
    return found.why


def test_three_rows_have_no_estimate(estimator: Estimator) -> None:
    assert _why(estimator, 3) == "the batch has 3 rows, wanted at least 30"
    assert _why(estimator, 0) == "the batch has 0 rows, wanted at least 30"


def test_a_reference_without_enough_of_anything_says_so(known: Reference) -> None:
    _, place = known.numbered()
    few, short = known.where(np.arange(len(known)) < 99), known.where(place < 29)
    assert _why(fit("binary", "auc", few)) == "the reference has 99 rows, wanted at least 100"
    assert _why(fit("binary", "log_loss", short)) == (
        "the interval was tried on 19 batches of the reference, wanted at least 20"
    )
    ones = known.where(known.target == 1)
    assert _why(fit("binary", "log_loss", ones)) == "all rows of the reference are of one class"


def test_an_interval_that_did_not_hold_is_not_shown(known: Reference) -> None:
    _, place = known.numbered()
    # The relation turns around little by little: each batch is worse than those before.
    turned = np.random.default_rng(1).random(len(known)) < place / len(np.unique(place))
    target = np.where(turned, 1 - known.target, known.target)
    changed = Reference(known.features, known.prediction, target, known.batch)
    assert "of 30 earlier batches, between" in _why(fit("binary", "log_loss", changed))


@pytest.mark.parametrize(
    ("task", "metric", "why"),
    [
        ("regression", "r2", "R² needs the spread of targets"),
        ("regression", "median_ae", "the median of errors does not follow"),
        ("regression", "auc", "auc is not estimated; wanted one of mae, rmse, mape"),
        ("multiclass", "auc", "auc is not estimated; wanted one of log_loss, accuracy, f1"),
    ],
)
def test_a_metric_without_an_estimate(known: Reference, task: str, metric: str, why: str) -> None:
    assert why in _why(fit(task, metric, known))


def test_an_error_relative_to_zero_has_no_estimate() -> None:
    known = past("regression", np.random.default_rng(1))
    known.target[7] = 0.0
    assert _why(fit("regression", "mape", known)) == (
        "mape has no value for some rows of the reference"
    )


@pytest.mark.parametrize(("task", "metric"), [("multiclass", "accuracy"), ("regression", "mae")])
def test_inputs_that_wander_are_seen_and_another_relation_is_not(task: str, metric: str) -> None:
    found = [stream(task, metric, seed, weighted=False) for seed in range(8)]
    told = {kind: [one[kind] for one in found] for kind in KINDS}
    assert _held(told["none"]) + _held(told["covariate"]) >= 13
    assert _held(told["relation"]) == 0
    estimated, last = (
        np.mean([abs(value(one) - one.realized) for one in told["covariate"]])
        for value in (lambda one: one.estimate.value, lambda one: one.last)
    )
    assert estimated < last / 2


def test_weights_leave_an_estimate_of_the_same_rows_where_it_was() -> None:
    for task, metric in (("binary", "brier"), ("regression", "rmse")):
        known = past(task, np.random.default_rng(6))
        plain, weighted = (
            fit(task, metric, known.where(np.arange(len(known)) < 300), weighted=asked)
            for asked in (False, True)
        )
        assert plain.learned is not None
        new = batch(task, np.random.default_rng(8), 0.0, "new")
        values = [
            backtests.value(
                plain.learned, one.known, new.features, new.prediction, weighted=asked, seed=7
            )
            for asked, one in ((False, plain), (True, weighted))
        ]
        assert values[0] != values[1]
        assert values[1] == pytest.approx(values[0], rel=0.25)


def _held(tried: list[Tried]) -> int:
    return sum(
        one.estimate.low is not None
        and one.estimate.high is not None
        and one.estimate.low <= one.realized <= one.estimate.high
        for one in tried
    )


def test_a_line_of_the_table_counts_what_held() -> None:
    made = stream("binary", "brier", 0, weighted=False)["none"]
    held = [made, Tried(made.estimate, 99.0, 99.0)]
    assert line("brier", "cbpe", held).startswith("| brier | cbpe | 2 of 2 | 1 | 50.0% |")
