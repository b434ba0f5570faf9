"""Scores of a fitted model on validation, by which families are compared.

Belongs here: the scores document. Does not belong here: metric definitions, choosing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.stages import metrics
from ml_assets.stages.train import threshold
from ml_assets.stages.train.cost import cost

if TYPE_CHECKING:
    from ml_assets.stages.train.encode import Array


def score(
    model: Mapping[str, Any],
    metric: str,
    target: Array,
    prediction: Array,
    rows: Mapping[str, int],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return the scores of a model on validation; a metric without a value is None, with a note."""
    values, reasons = metrics.measure(
        model["task"], target, prediction, (metric,), threshold.of(model)
    )
    return {
        "metric": metric,
        "validation": values,
        "baseline": model["baseline"],
        "rows": dict(rows),
        "trees": model["state"].get("trees"),
        "settings": model["settings"],
        "cost": cost(model),
        "notes": [*notes, *reasons],
    }
