"""Protected columns: what comparing their groups depends on, and the rule of the gate.

Belongs here: these specs. Does not belong here: figures (`stages/evaluate/protected`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from ml_assets.spec.base import Names, Resamples, Spec
from ml_assets.spec.metrics import Metric
from ml_assets.spec.mistakes import Place

Figure = Literal["metric", "selected", "true_positive", "false_positive"]


class ProtectedGate(Spec):
    """Groups of each protected column may differ by at most so much, on test."""

    figure: Figure = "selected"
    """The share of rows that reach the threshold, of all (`selected`), of those whose target is
    true (`true_positive`) or false (`false_positive`): of two classes; or the model's `metric`."""
    max_difference: Annotated[float, Field(ge=0)]
    """The largest difference between two groups; those of fewer than 100 rows are not compared."""


def wrong_rule(
    rule: ProtectedGate | None, columns: Names, task: str
) -> Iterator[tuple[Place, str]]:
    """Yield what of a rule does not fit its model."""
    if rule is None:
        return
    if not columns:
        yield ("gate", "protected"), "no column is listed in evaluation.protected"
    if rule.figure != "metric" and task != "binary":
        said = f"{rule.figure} is only for binary; wanted metric"
        yield ("gate", "protected", "figure"), said


class ProtectedSpec(Spec):
    """Everything that comparing protected groups depends on."""

    task: Literal["regression", "binary", "multiclass"]
    metric: Metric
    columns: Names
    sensitive: tuple[str, ...] = ()
    """Those whose values may not be shown."""
    level: float
    resamples: Resamples
    block: Literal["day", "row"]
    seed: int
