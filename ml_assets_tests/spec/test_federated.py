"""What a model cannot learn in a federation is said before any round."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.spec.federated import Federated
from ml_assets.spec.mistakes import Mistakes
from ml_assets.spec.model import ModelSpec

MODEL: dict[str, Any] = {
    "description": "How long a visit takes.",
    "dataset": "visits",
    "task": "regression",
    "target": "minutes",
    "features": {"columns": {"clinic": {"type": "category"}, "age": {"type": "number"}}},
    "split": {"kind": "hash"},
    "training": {
        "metric": "mae",
        "families": {"median": {"family": "median"}, "together": {"family": "federated"}},
    },
    "federated": {"sites": ["north", "South-1"]},
}


def _mistakes(**more: Any) -> list[tuple[str, str]]:
    try:
        ModelSpec.model_validate({**MODEL, **more})
    except ValueError as error:
        (first,) = error.errors()  # type: ignore[attr-defined]
        found = first["ctx"]["error"]
        assert isinstance(found, Mistakes)
        return [(".".join(map(str, place)), said) for place, said in found.found]
    return []


def test_a_federation() -> None:
    assert _mistakes() == []
    assert ModelSpec.model_validate(MODEL).federated == Federated(sites=("north", "South-1"))


@pytest.mark.parametrize(
    ("more", "place", "said"),
    [
        ({"federated": None}, "training.families.together.family", "needs `federated: {sites: …}`"),
        ({"task": "multiclass"}, "task", "wanted regression or binary"),
        ({"weight": "age"}, "weight", "has no weights"),
        ({"federated": {**MODEL["federated"], "column": "clinc"}}, "federated.column", "clinic"),
        ({"federated": {**MODEL["federated"], "column": "age"}}, "federated.column", "a number"),
        (
            {"federated": {**MODEL["federated"], "privacy": {"epsilon": 1.0}}},
            "federated.privacy",
            "needs `learner: linear`",
        ),
        (
            {"federated": {**MODEL["federated"], "secure_aggregation": True}},
            "federated.secure_aggregation",
            "needs `learner: linear`",
        ),
        (
            {
                "federated": {
                    **MODEL["federated"],
                    "learner": "linear",
                    "secure_aggregation": True,
                }
            },
            "federated.secure_aggregation",
            "needs three sites or more",
        ),
        (
            {"features": {"columns": {"at": {"type": "timestamp"}}}},
            "features.columns.at.type",
            "a timestamp cannot be learned from",
        ),
    ],
)
def test_what_cannot_be_learned(more: dict[str, Any], place: str, said: str) -> None:
    found = dict(_mistakes(**more))
    assert said in found[place]


def test_two_results_none_and_a_cross_validation() -> None:
    families = MODEL["training"]["families"]
    twice = {**families, "again": {"family": "federated"}}
    found = dict(_mistakes(training={"metric": "mae", "families": twice}))
    assert found == {"training.families.again.family": "federated: there is one at most"}
    none = {"median": {"family": "median"}}
    found = dict(_mistakes(training={"metric": "mae", "families": none}))
    assert "needs a family for its result" in found["training.families"]
    crossed = {"metric": "mae", "families": families, "selection": "cross_validation"}
    assert "is compared on validation" in dict(_mistakes(training=crossed))["training.selection"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sites": ["one"]},
        {"sites": ["a", "a"]},
        {"sites": ["a", "../b"]},
        {"sites": ["a", "b"], "rounds": 21},
        {"sites": ["a", "b"], "least_rows": 1},
    ],
)
def test_wrong_values(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Federated.model_validate(wrong)
