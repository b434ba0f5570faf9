"""The metrics that a spec may name, by task.

Belongs here: their names. Does not belong here: what they are (`stages/metrics`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from ml_assets.spec.base import Hook, Name, by_name

Metric = Literal[
    "mae",
    "rmse",
    "r2",
    "median_ae",
    "log_loss",
    "brier",
    "auc",
    "accuracy",
    "mape",
    "f1",
    "average_precision",
    "balanced_accuracy",
]
METRICS: dict[str, tuple[str, ...]] = {
    "regression": ("mae", "rmse", "r2", "median_ae", "mape"),
    "binary": (
        "log_loss",
        "brier",
        "auc",
        "accuracy",
        "f1",
        "average_precision",
        "balanced_accuracy",
    ),
    "multiclass": ("log_loss", "accuracy", "f1", "balanced_accuracy"),
}


def _metrics(given: Any) -> Any:
    """Return a list of names as a mapping to nothing, which is what it is short for."""
    found = by_name(given)
    return dict.fromkeys(found) if isinstance(given, list | tuple) else found


Asked = Annotated[
    dict[Name, Hook | None],
    BeforeValidator(_metrics, json_schema_input_type=dict[str, str | None] | list[str]),
]
"""Metrics by name; in YAML a list of names will do."""
