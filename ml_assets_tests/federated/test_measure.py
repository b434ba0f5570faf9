"""Metrics that leave a site."""

from __future__ import annotations

import numpy as np
import pytest

from ml_assets.federated.app.ml_assets_rounds.measure import loss_in, measured

PLAN = {"task": "regression", "low": 0.0, "high": 100.0}


def test_one_target_or_prediction_far_away_cannot_be_computed() -> None:
    target, scores = np.full(300, 50.0), np.full(300, 48.0)
    usual = measured(PLAN, target, scores)
    assert usual == {"mae": 2.0, "rmse": 2.0}
    for where in (target, scores):
        where[0] = 54321.0987
        found = measured(PLAN, target, scores)
        # At most what a row at the agreed end would make.
        assert found["rmse"] * 300**0.5 < 100
        where[0] = 1e9
        assert measured(PLAN, target, scores) == found


def test_two_classes() -> None:
    plan = {"task": "binary"}
    found = measured(plan, np.array([1.0, 0.0, 1.0]), np.array([0.0, -2.0, -1.0]))
    assert found["error"] == pytest.approx(1 / 3)
    assert found["log_loss"] == pytest.approx(
        (np.log(2) + np.log1p(np.exp(-2)) + np.log1p(np.exp(1))) / 3, abs=1e-5
    )
    assert loss_in("binary", "auc", found) == found["log_loss"]
    assert loss_in("binary", "error", found) == found["error"]
