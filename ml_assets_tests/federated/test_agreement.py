"""What sites agree on, and why they cannot."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from ml_assets.federated.app.ml_assets_rounds.agreement import MOST_CUTS, agreed, cuts_of, problems
from ml_assets.federated.app.ml_assets_rounds.rows import inputs, widths

ASKED: dict[str, Any] = {
    "model": "stay",
    "contract": {"the contract of visits": "d1:1", "the features and their code": "d1:2"},
    "least_rows": 10,
    "differing": [],
    "learner": "trees",
    "rounds": 2,
    "trees": 3,
    "learning_rate": 0.2,
    "num_leaves": 8,
    "lambda_l2": 1.0,
    "privacy": None,
    "secure_aggregation": False,
}


def _blocks(low: float, high: float) -> dict[str, Any]:
    return {"blocks": [[float(mean), 0.05] for mean in np.linspace(low, high, 20)]}


def statement(site: str, rows: int = 1000) -> dict[str, Any]:
    return {
        "format": 1,
        "model": "stay",
        "site": site,
        "task": "regression",
        "metric": "mae",
        "contract": dict(ASKED["contract"]),
        "least_rows": 10,
        "rows": {"train": rows, "validation": 100, "test": 100},
        "target": _blocks(10, 90),
        "columns": {
            "age": {"type": "number", "unit": "y", **_blocks(1, 90)},
            "temp": {"type": "number", "unit": None, **_blocks(40, 80)},
            "ward": {
                "type": "category",
                "unit": None,
                "values": [["a", 0.6, 40.0], ["b", 0.4, 60.0]],
            },
            "secret": {"type": "number", "unit": None},
        },
    }


def _two() -> dict[str, dict[str, Any]]:
    return {site: statement(site) for site in ("alpha", "beta")}


def test_sites_that_fit_agree() -> None:
    two = _two()
    assert problems(two, ASKED) == []
    plan = agreed(two, ASKED)
    assert plan["left_out"] == ["secret"]
    assert [about.get("value") for about in inputs(plan)] == [None, None, "a", "b"]
    assert widths(plan) == [19, 19, 1, 1]
    assert plan["rows"] == {"alpha": 1000, "beta": 1000}
    assert (plan["low"], plan["high"]) == (10, 90)
    # A value that one site alone has is known to all.
    two["beta"]["columns"]["ward"]["values"] = [["c", 1.0, 50.0]]
    assert agreed(two, ASKED)["columns"][-1]["values"] == ["a", "b", "c"]


def test_every_reason_is_told_with_its_site() -> None:
    many = {site: statement(site) for site in ("alpha", "beta", "gamma", "delta")}
    many["alpha"]["format"] = 7
    many["beta"]["contract"]["the contract of visits"] = "d1:older"
    many["gamma"]["least_rows"] = 2
    many["delta"] |= {"task": "binary", "target": {"values": [[0.0, 1.0]]}}
    assert problems(many, ASKED) == [
        "alpha: speaks version 7 of these rounds; this is version 1",
        "beta: another version of the contract of visits",
        "gamma: spoke of 2 rows together, wanted at least 10",
        "delta: rows of one class only; nothing can be learned from them",
    ]
    other = _two()
    other["beta"]["model"] = "other"
    assert problems(other, ASKED) == ["beta: has rows of other, wanted stay"]


@pytest.mark.parametrize(
    ("column", "entry"),
    [
        ("temp", _blocks(4, 27)),  # degrees Celsius
        ("age", _blocks(12, 1080)),  # months
    ],
)
def test_another_unit_is_found_and_may_be_meant(column: str, entry: dict[str, Any]) -> None:
    three = {site: statement(site) for site in ("alpha", "beta", "gamma")}
    three["gamma"]["columns"][column] |= entry
    (said,) = [line for line in problems(three, ASKED) if line.startswith("gamma")]
    assert said.startswith(f"gamma: {column} lies around ")
    assert said.endswith("is it in another unit?")
    assert problems(three, {**ASKED, "differing": [column]}) == []


def test_a_target_in_another_unit_and_declared_units_are_found() -> None:
    two = _two()
    two["beta"]["target"] = _blocks(0.1, 1.5)
    assert any(line.startswith("beta: the target lies around") for line in problems(two, ASKED))
    two = _two()
    two["beta"]["columns"]["age"]["unit"] = "months"
    assert "beta: age is in months, elsewhere in y" in problems(two, ASKED)


def test_sites_that_differ_as_sites_do_agree() -> None:
    two = _two()
    two["beta"]["columns"]["age"] |= _blocks(20, 70)
    two["beta"]["columns"]["ward"]["values"] = [["b", 1.0, 50.0]]
    two["beta"]["rows"]["train"] = 10
    assert problems(two, ASKED) == []


def test_a_category_of_many_values_becomes_their_mean_targets() -> None:
    two = _two()
    values = [[f"v{n:02d}", 0.05, float(n)] for n in range(20)]
    for said in two.values():
        said["columns"]["ward"]["values"] = copy.deepcopy(values)
    column = agreed(two, ASKED)["columns"][-1]
    assert len(column["means"]) == 20
    assert column["other"] == pytest.approx(9.5)
    # Shrunk by 30 rows of the mean: each value has 100.
    assert column["means"][0] == pytest.approx(9.5 * 30 / 130)


def test_cuts_are_at_most_so_many_and_keep_the_ends() -> None:
    cuts = cuts_of(np.arange(1000.0))
    assert len(cuts) == MOST_CUTS
    assert (cuts[0], cuts[-1]) == (0.5, 998.5)
