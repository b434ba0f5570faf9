"""The check `joint_drift`."""

from __future__ import annotations

from ml_assets.stages.check.joint_drift import check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.monitored import SPEC, figures, only

APART = {"auc": 0.8, "low": 0.7, "high": 0.9, "threshold": 0.6, "over": True, "by": ["age", "day"]}


def test_it_names_the_inputs_that_tell_batch_and_training_apart() -> None:
    found = only(check(SPEC, figures=given(figures(joint=APART))))
    assert (found.passed, found.severity) == (False, "warn")
    assert found.description == (
        "a classifier tells the batch from the training rows with an AUC of 0.800 (limit 0.600, no "
        "difference 0.5), most of all by age, day"
    )
    alike = {**APART, "auc": 0.55, "over": False}
    assert only(check(SPEC, figures=given(figures(joint=alike)))).passed


def test_it_says_why_it_does_not_judge() -> None:
    unusual = {**APART, "threshold": None, "over": False, "why": "a batch of 3 days"}
    found = only(check(SPEC, figures=given(figures(joint=unusual))))
    assert found.passed is None
    assert found.description.endswith("0.800; a batch of 3 days")
    few = [{"what": "drift", "why": "3 rows"}]
    found = only(check(SPEC, figures=given(figures(not_computed=few))))
    assert (found.passed, found.description) == (None, "3 rows")
