"""What a model is, for clients: its version, the columns of its rows, its inputs."""

from __future__ import annotations

from typing import Any

from ml_assets.serve.groups import by_batch
from ml_assets.serve.service.served import Served
from ml_assets.stages.score.score import Scorer

KNOWN = 500
"""Values of a category that are listed."""


def described(model: Served) -> dict[str, Any]:
    """Return a model as a JSON document."""
    if model.loaded is None:
        return {"name": model.name, "version": None, "ready": False, "why": model.why}
    state = model.loaded.state
    scorer = state.scorer
    document = {
        "name": model.name,
        "version": f"v{state.version}",
        "digest": state.digest,
        "ready": True,
        "task": scorer.spec.task,
        "columns": [
            {
                "name": name,
                "type": column.type,
                "nullable": column.nullable,
                "unit": column.unit,
                "description": column.description,
                "range": column.range,
                "allowed": column.allowed,
                "known": [] if column.sensitive else _known(scorer, name),
            }
            for name, column in scorer.spec.rows.contract.columns.items()
        ],
        "batches": by_batch(scorer.spec.features, state.datasets),
        "example": model.example,
        "features": [
            {"name": name, "type": column.kind, "unit": column.unit}
            for name, column in scorer.spec.features.columns.items()
        ],
    }
    if scorer.spec.task == "multiclass":
        document["classes"] = [str(name) for name in scorer.document["classes"]]
    if "threshold" in scorer.document:
        document["threshold"] = scorer.document["threshold"]
    if model.behind is not None:
        document["why_not_newer"] = model.behind
    return document


def _known(scorer: Scorer, column: str) -> list[str]:
    """Return the values that the model knows of a feature with the name of a column."""
    levels = scorer.document["categories"].get(column, ())
    return [str(value) for value in levels[:KNOWN]]
