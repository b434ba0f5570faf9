"""The check `beats_baseline`: better, better by chance, not better, no figure."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.spec.model import EvaluateSpec
from ml_assets.stages.check.beats_baseline import check
from ml_assets.stages.notes import CONSTANT_TARGET, ONE_VALUE, explained, unranked
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given


def verdict(metric: str, value: float | None, base: float | None, *around: float | None) -> Check:
    low, high = around or (None, None)
    spec = EvaluateSpec.model_validate(
        {
            "model": "m",
            "description": "",
            "task": "regression",
            "metric": metric,
            "target": "y",
            "target_unit": None,
            "time": None,
            "columns": {},
            "evaluation": {},
            "seed": 1,
        }
    )
    document: dict[str, Any] = {
        "test": {metric: value},
        "baseline": {metric: base},
        "difference": {metric: {"value": None, "low": low, "high": high}},
    }
    [found] = check(spec, metrics=given(document)).checks
    return found


@pytest.mark.parametrize(
    ("found", "passed", "severity"),
    [
        (verdict("mae", 1.0, 2.0, -1.2, -0.8), True, "error"),
        (verdict("r2", 0.5, 0.0, 0.4, 0.6), True, "error"),
        (verdict("mae", 1.9, 2.0, -0.3, 0.1), False, "warn"),
        (verdict("mae", 1.9, 2.0), False, "warn"),
        (verdict("mae", 2.0, 2.0, 0.0, 0.0), False, "error"),
        (verdict("r2", -0.1, 0.0, -0.2, -0.05), False, "error"),
        (verdict("r2", None, None), None, "error"),
    ],
)
def test_verdicts(found: Check, passed: bool | None, severity: str) -> None:
    assert (found.name, found.passed, found.severity) == ("beats_baseline", passed, severity)


def test_a_constant_target_is_named() -> None:
    assert "is `target` in the spec as intended?" in explained("mae 0", [CONSTANT_TARGET])
    assert explained("mae 2", ["3 rows left out"]) == "mae 2"
    assert explained("mae 2", [ONE_VALUE]).startswith("mae 2; the model predicts one value")
    assert "(only one class occurs)" in explained("auc", [unranked("auc", "only one class occurs")])


def test_it_says_why() -> None:
    assert verdict("mae", 1.0, 2.0, -1.2, -0.8).description == "better: mae 1, baseline 2"
    assert "not beyond chance" in verdict("mae", 1.9, 2.0, -0.3, 0.1).description
    assert "r2 has no value" in verdict("r2", None, None).description
