"""The check `prediction_drift`."""

from __future__ import annotations

from ml_assets.stages.check.prediction_drift import check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.monitored import SPEC, entry, figures, only


def test_it_judges_the_prediction_alone() -> None:
    moved = {"prediction": entry(0.4, 0.1, "half are above 3")}
    changed = figures(prediction_drift=moved, drift={"age": entry(0.0, 0.1)})
    found = only(check(SPEC, figures=given(changed)))
    assert found.passed is False
    assert found.description == "prediction differs by more than chance: half are above 3"
    still = figures(prediction_drift={"prediction": entry(0.1, 0.2)})
    assert only(check(SPEC, figures=given(still))).passed


def test_it_says_why_it_does_not_judge() -> None:
    lost = [{"what": "drift of the prediction", "why": "no evaluation"}]
    found = only(check(SPEC, figures=given(figures(not_computed=lost))))
    assert (found.passed, found.description) == (None, "no evaluation")
