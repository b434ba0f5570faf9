"""Trials: bounds known before labels, blocks, the betting sequence and its error rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from ml_assets.spec.trial import LOSSES
from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.trial.betting import log_capital, sequence
from ml_assets.stages.trial.blocks import blocks
from ml_assets.stages.trial.bounds import bound_of
from ml_assets.stages.trial.verdict import judged

SAID = st.floats(0.0, 1.0)


def test_capital_is_that_of_the_published_code() -> None:
    """Numbers of confseq's `betting_mart` with `lambda_aKelly`, theta 1 and truncation 0.9."""
    values = np.array([0.2, 0.9, 0.5, 0.45, 0.1, 0.3, 0.35, 0.6, 0.15, 0.25])
    capital = np.exp(log_capital(2 * values - 1, 2 * np.array([0.3, 0.5, 0.7]) - 1))
    assert capital[:, 0] == pytest.approx(
        [
            0.9310344828,
            1.1323392358,
            1.4103221753,
            1.7224071279,
            1.1497888067,
            1.1497888067,
            1.2254486489,
            1.7362046096,
            1.3106262966,
            1.2188346607,
        ]
    )
    assert capital[:, 1] == pytest.approx(
        [
            1.0,
            0.6220472441,
            0.6220472441,
            0.6144625868,
            0.5846103548,
            0.6592429763,
            0.7520759152,
            0.6654606907,
            0.892937333,
            1.1836032605,
        ]
    )
    assert capital[-3:, 2] == pytest.approx([9.9735959152, 20.8150459529, 39.1190999781])


@pytest.mark.parametrize(
    "metric", [name if name != "pinball" else "pinball_0.9" for name in LOSSES]
)
@given(one=SAID, other=SAID, label=st.floats(0.0, 1.0))
def test_no_label_sets_two_losses_further_apart_than_the_bound(
    metric: str, one: float, other: float, label: float
) -> None:
    ours, theirs = np.array([one]), np.array([other])
    target = np.array([float(label >= 0.5) if metric in ("log_loss", "brier") else label])
    bound = bound_of(metric, (0.0, 1.0))
    apart = abs(row_losses(metric, target, ours) - row_losses(metric, target, theirs))
    assert apart[0] <= bound(ours, theirs)[0] + 1e-12


def test_bounds_by_hand() -> None:
    one, other = np.array([10.0, 3.0]), np.array([12.0, 3.0])
    assert bound_of("mae")(one, other).tolist() == [2.0, 0.0]
    assert bound_of("pinball_0.9")(one, other).tolist() == [1.8, 0.0]
    # y = 0: 144 - 100; y = 30: 400 - 324 = 76.
    assert bound_of("rmse", (0.0, 30.0))(one, other).tolist() == [76.0, 0.0]
    said = [np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0.25, 0.75], [0.8, 0.2]])]
    assert bound_of("log_loss")(*said) == pytest.approx([np.log(2), np.log(2)])
    assert bound_of("accuracy")(*said).tolist() == [1.0, 0.0]
    assert bound_of("brier")(np.array([0.5]), np.array([0.75]))[0] == pytest.approx(0.3125)
    with pytest.raises(KeyError):
        bound_of("auc")


def test_blocks_by_hand() -> None:
    times = np.array(
        ["2024-01-01T08", "2024-01-01T20", "2024-01-07T01", "2024-01-08", "NaT"], "datetime64[us]"
    )
    target = np.array([10.0, 10.0, 10.0, 10.0, 0.0])
    champion = np.array([12.0, 14.0, 10.0, 9.0, 1.0])
    challenger = np.array([11.0, 10.0, 10.0, 8.0, 2.0])
    by_day = blocks("day", times, target, champion, challenger, "mae", bound_of("mae"))
    assert by_day.start.astype(str).tolist() == ["2024-01-01", "2024-01-07", "2024-01-08"]
    assert by_day.rows.tolist() == [2, 1, 1]
    assert by_day.champion.tolist() == [3.0, 0.0, 1.0]
    assert by_day.challenger.tolist() == [0.5, 0.0, 2.0]
    assert by_day.bound.tolist() == [2.5, 0.0, 1.0]
    assert by_day.values.tolist() == [-1.0, 0.0, 1.0]
    weeks = blocks("week", times, target, champion, challenger, "mae", bound_of("mae"))
    assert weeks.start.astype(str).tolist() == ["2024-01-01", "2024-01-08"]
    assert weeks.values.tolist() == [pytest.approx(-1.0), 1.0]


@given(hnp.arrays(float, st.integers(1, 40), elements=st.floats(-1.0, 1.0)))
def test_a_sequence_only_draws_nearer_and_mirrors(values: np.ndarray) -> None:
    low, high = sequence(values, 0.05)
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) <= 0).all()
    mirrored_low, mirrored_high = sequence(-values, 0.05)
    assert mirrored_low == pytest.approx(-high)
    assert mirrored_high == pytest.approx(-low)


@pytest.mark.parametrize(
    ("values", "verdict", "at"),
    [
        (np.full(30, -0.5), "better", 9),
        (np.full(30, 0.5), "worse", 9),
        (np.full(90, 0.0), "equivalent", 36),
        (np.tile([-1.0, 1.0], 45), "undecided", 89),
        (np.full(5, -0.5), "running", None),
    ],
)
def test_verdicts(values: np.ndarray, verdict: str, at: int | None) -> None:
    made = judged(values, alpha=0.05, equivalent=0.1, most=90)
    assert (made.verdict, made.at) == (verdict, at)


def test_equal_models_are_told_apart_in_at_most_alpha_and_a_better_one_is_found() -> None:
    """Looked at daily; arms swapped by a coin each day, so that neither is better."""
    rng = np.random.default_rng(7)
    streams = np.clip(rng.normal(-0.2, 0.3, (200, 90)), -1, 1)
    swapped = streams * rng.choice([-1.0, 1.0], streams.shape)
    wrong = sum(
        judged(x, alpha=0.05, equivalent=0.1, most=90).verdict in ("better", "worse")
        for x in swapped
    )
    assert stats.binomtest(wrong, 200, 0.05, alternative="greater").pvalue > 0.01, wrong
    found = [judged(x, alpha=0.05, equivalent=0.1, most=90) for x in streams]
    assert sum(made.verdict == "better" for made in found) >= 190
    assert not any(made.verdict == "worse" for made in found)
