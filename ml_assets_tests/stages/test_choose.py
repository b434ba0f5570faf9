"""Choosing: direction by metric, ties, families without a value."""

from __future__ import annotations

from typing import Any

from ml_assets.spec.model import ChooseSpec
from ml_assets.stages.train.choose import choose
from ml_assets_tests.handles import given


def board(metric: str, **values: float | None) -> dict[str, Any]:
    baselines = tuple(name for name in values if name.startswith("base"))
    scores = {
        name: given(
            {
                "metric": metric,
                "validation": {metric: value},
                "baseline": name in baselines,
                "rows": {"train": 3, "validation": 1},
                "trees": None,
                "settings": {},
                "cost": {"features": 1, "parameters": 1, "bytes": 9},
                "notes": [],
            }
        )
        for name, value in values.items()
    }
    spec = ChooseSpec.model_validate({"metric": metric, "baselines": baselines})
    found: Any = choose(spec, scores=scores).outputs["leaderboard"]
    return dict(found)


def test_the_least_error_wins() -> None:
    found = board("mae", trees=2.0, base=3.0, linear=2.5)
    assert found["chosen"] == "trees"
    assert found["baseline"] == "base"
    ranks = [(entry["family"], entry["rank"]) for entry in found["families"]]
    assert ranks == [("trees", 1), ("linear", 2), ("base", 3)]


def test_the_largest_auc_wins() -> None:
    assert board("auc", base=0.5, linear=0.8, trees=0.7)["chosen"] == "linear"


def test_a_tie_goes_to_the_baseline_then_to_the_earlier() -> None:
    assert board("mae", trees=2.0, base=2.0)["chosen"] == "base"
    assert board("mae", base=9.0, trees=2.0, linear=2.0)["chosen"] == "trees"


def test_no_value_comes_last() -> None:
    assert board("auc", linear=None, base=0.5)["chosen"] == "base"
    assert board("auc", linear=None, base=None)["chosen"] == "base"
    assert board("mae", trees=1.0, base_a=4.0, base_b=3.0)["baseline"] == "base_b"
