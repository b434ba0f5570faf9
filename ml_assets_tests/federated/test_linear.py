"""Steps of a linear model, what one row can change, and the noise that hides it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_assets.federated.app.ml_assets_rounds import linear, privacy

PLAN: dict[str, Any] = {
    "task": "regression",
    "lambda_l2": 1.0,
    "start": 50.0,
    "pull": 10.0,
    "low": 0.0,
    "high": 100.0,
    "columns": [
        {"column": "age", "cuts": [1.0], "mean": 40.0, "scale": 20.0},
        {"column": "ward", "values": ["a", "b"]},
    ],
}


def _rows(number: int, seed: int = 1) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    age, ward = draw.uniform(0, 90, number), draw.integers(0, 2, number)
    values = np.column_stack([age, ward == 0, ward == 1]).astype(float)
    return values, 30 + age * 0.5 + 4 * ward


def test_sites_steps_lead_to_the_target() -> None:
    values, target = _rows(2000)
    rows = linear.standardized(PLAN, values)
    found = np.zeros(4)
    for _ in range(20):
        found = linear.stepped(PLAN, found, rows, target)
    assert np.abs(linear.scores(PLAN, found, rows) - target).mean() < 1.0


def test_a_missing_number_counts_as_the_mean() -> None:
    rows = linear.standardized(PLAN, np.array([[np.nan, 1.0, 0.0]]))
    assert rows.tolist() == [[0.0, 1.0, 0.0, 1.0]]


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_one_row_changes_the_coefficients_by_no_more_than_is_said(task: str) -> None:
    plan = {**PLAN, "task": task, "start": 0.0 if task == "binary" else 50.0}
    values, target = _rows(50)
    target = (target > 55).astype(float) if task == "binary" else target
    rows = linear.standardized(plan, values)
    start = np.array([0.5, -1.0, 1.0, 0.2])
    before = linear.stepped(plan, start, rows, target)
    worst = 0.0
    for extreme in (1e9, -1e9):
        for goal in (0.0, 1.0, -1e9, 1e9):
            others, goals = rows.copy(), target.copy()
            others[0], goals[0] = extreme, goal if task == "regression" else float(goal > 0)
            after = linear.stepped(plan, start, others, goals)
            worst = max(worst, float(np.linalg.norm(after - before)))
    bound = linear.sensitivity(plan, 50)
    assert bound / 20 < worst <= bound


def test_noise_and_epsilon_are_each_others_inverse() -> None:
    for wanted in (0.5, 3.0, 10.0):
        noise = privacy.noise_for(wanted, 12, 1e-5)
        assert privacy.epsilon(noise, 12, 1e-5) == pytest.approx(wanted)
    # Less noise or more rounds: less privacy.
    assert privacy.epsilon(1.0, 12, 1e-5) > privacy.epsilon(2.0, 12, 1e-5)
    assert privacy.epsilon(2.0, 13, 1e-5) > privacy.epsilon(2.0, 12, 1e-5)
    # By hand: rho = 1 / 2, so 1/2 + 2 sqrt(ln(1e5) / 2).
    assert privacy.epsilon(1.0, 1, 1e-5) == pytest.approx(0.5 + 2 * np.sqrt(np.log(1e5) / 2))
