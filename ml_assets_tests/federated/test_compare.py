"""What is said of a federated model beside others on the same rows."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.federated.compare import verdicts

TREES: dict[str, Any] = {"learner": "trees", "privacy": None}
NOISY: dict[str, Any] = {"learner": "linear", "privacy": {"epsilon": 3.0}}


def _found(federated: float | None, pooled: float | None, *alone: float | None) -> dict[str, Any]:
    values = {f"s{number}": value for number, value in enumerate(alone)}
    return {"north": {"rows": 12, "federated": federated, "pooled": pooled, "alone": values}}


def test_both_aims_reached() -> None:
    (said,) = verdicts(_found(10.4, 10.0, 10.0, 11.0), TREES, greater=False)
    assert said.startswith("at every site better than the sites' own models on average")
    (said,) = verdicts(_found(0.78, 0.80, 0.70, 0.80), TREES, greater=True)
    assert said.startswith("at every site better")


def test_a_metric_that_is_not_defined_is_said() -> None:
    assert verdicts(_found(None, 0.8, 0.7, None), TREES, greater=True) == [
        "north: cannot be compared; the metric of the federated model, s1's own model cannot be "
        "computed from its 12 test rows"
    ]


def test_what_noise_cost_is_said() -> None:
    found = _found(10.4, 10.0, 10.0, 11.0)
    found["north"]["without_noise"] = 10.1
    cost, reached = verdicts(found, NOISY, greater=False)
    assert cost == "north: the noise for privacy cost 0.3 (3.0%); 10.1 without it"
    assert reached.startswith("at every site better")


def test_a_model_of_all_rows_without_an_error() -> None:
    (said,) = verdicts(_found(0.0, 0.0, 0.5, 0.7), TREES, greater=False)
    assert said.startswith("at every site better")
    (said,) = verdicts(_found(0.1, 0.0, 0.5, 0.7), TREES, greater=False)
    assert said.startswith(
        "north: worse than a model of all rows; by what share cannot be computed, as that has 0. "
    )


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (TREES, "a mean of the sites' trees and the number of rounds cost this"),
        (NOISY, "The number of rounds and the noise for privacy cost this"),
        ({**NOISY, "privacy": None}, "The number of rounds cost this"),
    ],
)
def test_missed_aims_are_said_with_the_reason(plan: dict[str, Any], why: str) -> None:
    said = verdicts(_found(12.0, 10.0, 10.0, 11.0), plan, greater=False)
    assert said[0] == (
        "north: 12, no better than the sites' own models are there on average (10.5)"
    )
    assert said[1].startswith("north: 20.0% worse than a model of all rows (10)")
    assert why in said[1]
