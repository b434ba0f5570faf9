"""The check `input_drift`: which inputs it names, and in which order."""

from __future__ import annotations

from ml_assets.stages.check.input_drift import check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.monitored import SPEC, entry, figures, only


def test_it_names_the_input_that_is_most_above_its_limit_first() -> None:
    # Stored documents have their names in alphabetical order.
    drift = {"age": entry(0.2, 0.1), "miles": entry(0.5, 0.1, "all are larger"), "day": entry(0, 1)}
    found = only(check(SPEC, figures=given(figures(drift=drift))))
    assert (found.passed, found.severity) == (False, "warn")
    assert found.description == (
        "2 of 3 columns differ from the training rows by more than chance: miles, age. Most of all "
        "miles: all are larger"
    )
    assert found.metadata["effects"] == {"age": 0.2, "miles": 0.5, "day": 0}


def test_it_passes_where_none_is_above_its_limit() -> None:
    drift = {"age": entry(0.05, 0.1)}
    found = only(check(SPEC, figures=given(figures(drift=drift))))
    assert (found.passed, found.metadata["drifted_columns"]) == (True, 0)


def test_it_says_why_it_does_not_judge() -> None:
    lost = [{"what": "drift", "why": "the training rows are lost"}]
    found = only(check(SPEC, figures=given(figures(not_computed=lost))))
    assert (found.passed, found.description) == (None, "the training rows are lost")
    few = [{"what": "limits of drift", "why": "3 blocks"}]
    unlimited = figures(drift={"age": entry(0.5, None)}, not_computed=few)
    found = only(check(SPEC, figures=given(unlimited)))
    assert (found.passed, found.description) == (None, "3 blocks")
