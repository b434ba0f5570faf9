"""Drift: effects by hand, planted drift found, the rate of false alarms kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as some

from ml_assets.stages.check.drift import check
from ml_assets.stages.quality import calibrate, effects
from ml_assets.stages.quality.encode import edges_of
from ml_assets_tests.stages.quality_batches import Reported, report_of, rows

REFERENCE = {
    "2019-10": rows(30, 60, seed=1),
    "2019-11": rows(30, 60, seed=2),
    "2019-12": rows(30, 60, seed=3),
}


def _alarms(found: Reported) -> set[tuple[str, str]]:
    return {(t["column"], t["kind"]) for t in found.figures["drift"] if t["alarm"]}


def test_effects_by_hand() -> None:
    half, quarter = np.array([2.0, 2.0]), np.array([1.0, 3.0])
    assert effects.kolmogorov_smirnov(half, quarter) == pytest.approx(0.25)
    assert effects.total_variation(np.array([1.0, 1, 0]), np.array([0.0, 1, 1])) == 0.5
    assert effects.cohens_h(1.0, 0.0) == pytest.approx(math.pi)
    assert effects.cohens_h(0.5, 0.5) == 0.0
    assert effects.total_variation(np.zeros(2), half) == 0.0


COUNTS = some.lists(some.integers(0, 50), min_size=3, max_size=3)


@settings(max_examples=40)
@drawn(COUNTS, COUNTS)
def test_effects_are_between_none_and_all_and_the_same_both_ways(
    a: list[int], b: list[int]
) -> None:
    first, second = np.array(a, float), np.array(b, float)
    for measure in (effects.kolmogorov_smirnov, effects.total_variation):
        assert 0.0 <= measure(first, second) <= 1.0 + 1e-12
        assert measure(first, second) == measure(second, first)
        assert measure(first, first) == 0.0


def test_bins_hold_about_equally_many_and_know_what_is_outside() -> None:
    edges = edges_of(np.array([1.0, 2.0, 2.0, 5.0, np.nan, np.inf]))
    assert edges == [np.nextafter(1.0, -np.inf), 1.0, 2.0, 5.0]
    assert edges_of(np.array([np.nan])) == []


def test_a_batch_like_the_reference_is_quiet() -> None:
    found = report_of(rows(30, 60, seed=9), REFERENCE)
    assert _alarms(found) == set()
    assert found.checks["drift"].passed is True
    assert found.checks["drift"].description == (
        "3 columns compared, none differs by more than chance"
    )


@pytest.mark.parametrize("shift", [0.2, -0.2])
def test_a_shift_of_a_fifth_of_a_standard_deviation_is_found(shift: float) -> None:
    found = report_of(rows(30, 60, seed=9, shift=shift), REFERENCE)
    assert _alarms(found) == {("size", "numeric")}
    test = found.effect("size", "numeric")
    # Two normal distributions that are 0.2 apart: 2 * Phi(0.1) - 1.
    assert test["effect"] == pytest.approx(0.0797, abs=0.025)
    check_ = found.checks["drift"]
    assert (check_.passed, check_.severity) == (False, "warn")
    assert check_.metadata["drifted_columns"] == 1
    assert check_.metadata["effects"]["size numeric"] == test["effect"]
    assert check_.description.startswith("1 of 3 columns differ from the reference by more than")


def test_a_moved_category_is_found_and_named() -> None:
    n = 1800
    kinds = ["a"] * 720 + ["b"] * 720 + ["c"] * 360
    found = report_of(rows(30, 60, seed=9, kind=kinds), REFERENCE)
    test = found.effect("kind", "categorical")
    assert test["effect"] == pytest.approx(0.1, abs=0.02)
    assert test["alarm"] is True
    assert n == 1800
    assert test["said"].startswith(("'b': 40%", "'a': 40%"))


def test_missing_and_new_values_are_found() -> None:
    base = rows(30, 60, seed=9)
    sizes = base.column("size").to_pylist()
    kinds = base.column("kind").to_pylist()
    sizes[:90] = [None] * 90
    kinds[:18] = ["new"] * 18
    found = report_of(rows(30, 60, seed=9, size=sizes, kind=kinds), REFERENCE)
    assert _alarms(found) == {("size", "missing"), ("kind", "unseen")}
    assert found.effect("size", "missing")["said"] == "5% are missing, in the reference 0%"
    assert found.effect("kind", "unseen")["said"] == (
        "18 rows (1%) with values that are not in the reference: 'new' (18)"
    )


def test_what_wanders_from_day_to_day_has_a_wider_limit() -> None:
    steady = report_of(rows(30, 60, seed=9), REFERENCE).effect("size", "numeric")
    wandering = {name: rows(30, 60, seed=n, wander=1.0) for n, name in enumerate("abc")}
    found = report_of(rows(30, 60, seed=9, wander=1.0), wandering).effect("size", "numeric")
    assert found["threshold"] > 1.5 * steady["threshold"]
    assert found["alarm"] is False


def test_a_smaller_batch_has_a_wider_limit() -> None:
    limits = [
        report_of(rows(days, 60, seed=9), REFERENCE, smallest={"numeric": 0.0}).effect(
            "size", "numeric"
        )["threshold"]
        for days in (2, 10, 40)
    ]
    assert limits[0] > limits[1] > limits[2]


def test_thresholds_of_a_family_are_exceeded_at_the_stated_rate() -> None:
    random = np.random.default_rng(5)
    null = {("numeric", str(n)): np.abs(random.normal(0, n + 1, 4000)) for n in range(20)}
    limits = calibrate.family(null, 0.05)
    above = np.any([null[test] > limit for test, limit in limits.items()], axis=0)
    assert above.mean() == pytest.approx(0.05, abs=0.002)
    # Each in units of its own: the widest test does not decide alone.
    assert limits["numeric", "19"] / limits["numeric", "0"] == pytest.approx(20, rel=0.15)


def test_the_rate_holds_for_new_batches_of_the_same_kind() -> None:
    """40 new batches at a stated rate of 20 %: 2 to 16 warn, unless 1 in 300 times."""
    from benchmarks.drift import alarms

    (found,) = alarms(repeats=40, rate=0.2, columns=2, days=40, each=25)
    assert 2 <= found <= 16


def test_what_cannot_be_judged_says_so() -> None:
    one_day = {"2019-12": rows(1, 60, seed=3)}
    found = report_of(rows(30, 60, seed=9), one_day)
    assert found.checks["drift"].passed is None
    assert "in 1 blocks (day), wanted at least 30 rows in 8 blocks" in found.why("thresholds")
    nothing = report_of(rows(30, 60, seed=9), None)
    assert nothing.checks["drift"].passed is None
    assert nothing.checks["drift"].description == "the reference is made up"
    assert check.__doc__
