"""What a policy says of evidence: sentences that a person can check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.engine.retrain.policy import Evidence, Judged, judge, reading
from ml_assets.spec.retrain import Retrain

NOW = datetime(2013, 12, 31, tzinfo=UTC)
CALM = reading("drift", 0.53, 0.61, False, "2013-12")
MOVED = reading("drift", 0.8, 0.61, True, "2013-12")


def judged(policy: dict[str, Any], **known: Any) -> Judged:
    known = {"now": NOW, "trained": [NOW - timedelta(days=20)], **known}
    return judge(Retrain.model_validate(policy), Evidence(**known))


@pytest.mark.parametrize(
    ("policy", "known", "said"),
    [
        (
            {"when": {"any": [{"new_rows": 10_000}, "drift"]}},
            {"rows": 1204, "drift": CALM, "reports": 1},
            "not trained: 1,204 new rows of 10,000; drift 0.53 of 0.61 (2013-12); last 20 days ago",
        ),
        (
            {"when": {"any": [{"new_rows": 10_000}, "drift"]}},
            {"rows": 1204, "drift": MOVED, "reports": 1},
            "drift 0.8 of 0.61 (2013-12)",
        ),
        (
            {"when": {"all": [{"new_rows": 1000}, "drift"]}},
            {"rows": 1204, "drift": CALM, "reports": 1},
            "not trained: 1,204 new rows of 1,000; drift 0.53 of 0.61 (2013-12); last 20 days ago",
        ),
        (
            {"when": {"all": [{"new_rows": 1000}, "drift"]}},
            {"rows": 1204, "drift": MOVED, "reports": 1},
            "1,204 new rows of 1,000; drift 0.8 of 0.61 (2013-12)",
        ),
        (
            {"when": {"loss": "realized"}},
            {"unlabelled": 30, "reports": 2},
            "not trained: realized loss: not known from 2 monitoring reports on new data, since no "
            "label has come; last 20 days ago",
        ),
        (
            {"when": {"new_rows": 5}},
            {"unlabelled": 30},
            "not trained: 0 new rows of 5 (30 more without a label); last 20 days ago",
        ),
        ({"when": {"every": "1 month"}}, {}, "not trained: last 20 days ago of 1 month"),
        ({"when": {"every": "2 weeks"}}, {}, "last 20 days ago of 2 weeks"),
        (
            {"when": {"new_rows": 5}, "at_most": "1 a month"},
            {"rows": 9},
            "not trained: 9 new rows of 5; at most 1 a month, so not before 2014-01-11; last 20 "
            "days ago",
        ),
        (
            {"at_most": "2 a month"},
            {"rows": 9, "trained": [NOW - timedelta(days=40), NOW - timedelta(days=20)]},
            "9 new rows",
        ),
        (
            {"when": {"new_rows": 5}},
            {"withdrawn": ["2013-11"]},
            "not trained: 0 new rows of 5; last 20 days ago; withdrawn and still in the model: "
            "2013-11",
        ),
    ],
)
def test_the_reason_has_the_figures(
    policy: dict[str, Any], known: dict[str, Any], said: str
) -> None:
    found = judged(policy, **known)
    assert found.said == said
    assert found.train == (not said.startswith("not trained"))


def test_a_clock_that_is_set_back_defers_until_the_time_has_passed_again() -> None:
    policy = {"when": {"every": "1 month"}, "time": "clock"}
    ahead = NOW + timedelta(days=3)
    found = judged(policy, trained=[ahead])
    assert not found.train
    assert found.said == "not trained: the time is 3 days before the last training of 1 month"
    assert found.due == datetime(2014, 2, 3, tzinfo=UTC)


def test_time_of_the_data_is_never_due_by_itself() -> None:
    assert judged({"when": {"every": "1 month"}}).due is None
    by_clock = judged({"when": {"every": "1 month"}, "time": "clock"})
    assert by_clock.due == datetime(2014, 1, 11, tzinfo=UTC)


@given(
    st.integers(0, 20),
    st.integers(1, 20),
    st.integers(0, 80),
    st.sampled_from(["1 week", "1 month"]),
    st.booleans(),
)
def test_any_is_or_and_all_is_and(
    rows: int, wanted: int, age: int, period: str, moved: bool
) -> None:
    conditions = [{"new_rows": wanted}, {"every": period}, "drift"]
    known = {
        "rows": rows,
        "trained": [NOW - timedelta(days=age)],
        "drift": MOVED if moved else CALM,
        "reports": 1,
    }
    each = [judged({"when": one}, **known).train for one in conditions]
    assert judged({"when": {"any": conditions}}, **known).train == any(each)
    assert judged({"when": {"all": conditions}}, **known).train == all(each)
