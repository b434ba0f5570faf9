"""What is said of a federated model beside others on the same rows."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.federated.compare import verdicts

TREES: dict[str, Any] = {"learner": "trees", "privacy": None}
NOISY: dict[str, Any] = {"learner": "linear", "privacy": {"epsilon": 3.0}}


def _found(federated: float, pooled: float, *alone: float) -> dict[str, Any]:
    values = {f"s{number}": value for number, value in enumerate(alone)}
    return {"north": {"federated": federated, "pooled": pooled, "alone": values}}


def test_both_aims_reached() -> None:
    (said,) = verdicts(_found(10.4, 10.0, 10.0, 11.0), TREES, greater=False)
    assert said.startswith("at every site better than the sites' own models on average")
    (said,) = verdicts(_found(0.78, 0.80, 0.70, 0.80), TREES, greater=True)
    assert said.startswith("at every site better")


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
