"""A site insists on its own spec, whatever the coordinator asks."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.federated.app.ml_assets_rounds.terms import broken

KNOWN: dict[str, Any] = {
    "model": "stay",
    "learner": "linear",
    "privacy": {"epsilon": 1.0},
    "secure_aggregation": False,
    "least_rows": 10,
    "rounds": 3,
    "trees": 8,
    "columns": ["age", "ward"],
}
PLAN: dict[str, Any] = {
    **KNOWN,
    "format": 1,
    "columns": [{"column": "age"}],
}


def _broken(kind: str = "train", round_: int = 1, before: tuple[str, ...] = (), **plan: Any) -> Any:
    return broken(KNOWN, {**PLAN, **plan}, kind=kind, round_=round_, before=before)


def test_what_was_agreed_is_answered() -> None:
    assert _broken() == []
    assert _broken(least_rows=20, rounds=2, trees=1) == []
    assert _broken("evaluate", 3, ("query", "train", "train", "train")) == []


def test_each_stage_of_secure_aggregation_is_answered_once_a_round() -> None:
    known, plan = {**KNOWN, "secure_aggregation": True}, {**PLAN, "secure_aggregation": True}
    for kind in ("keys", "shares", "train", "unmask"):
        for before, wrong in (
            (2, []),
            (3, [f"{kind} once more than the 3 times that were agreed"]),
        ):
            said = broken(known, plan, kind=kind, round_=3, before=[kind] * before)
            assert said == wrong
    assert _broken("keys") == ["keys once more than the 0 times that were agreed"]
    assert _broken(secure_aggregation=True) == ["secure_aggregation True, wanted False"]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"format": 2}, "version 2 of these rounds, here is 1"),
        ({"model": "other"}, "model other, wanted stay"),
        ({"learner": "trees"}, "learner trees, wanted linear"),
        ({"privacy": None}, "privacy None, wanted {'epsilon': 1.0}"),
        ({"least_rows": 9}, "least_rows 9, wanted at least 10"),
        ({"rounds": 4}, "rounds 4, wanted at most 3"),
        ({"round_": 4}, "rounds 4, wanted at most 3"),
        ({"trees": 9}, "trees 9, wanted at most 8"),
        ({"columns": [{"column": "secret"}]}, "columns of which nothing may be said: secret"),
        # Whatever number the coordinator gives the round.
        ({"before": ("train",) * 3}, "train once more than the 3 times that were agreed"),
        (
            {"kind": "evaluate", "before": ("evaluate",) * 2},
            "evaluate once more than the 2 times that were agreed",
        ),
        ({"kind": "other"}, "other once more than the 0 times that were agreed"),
    ],
)
def test_anything_else_is_refused(plan: dict[str, Any], said: str) -> None:
    assert _broken(**plan) == [said]
