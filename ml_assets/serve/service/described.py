"""What a model is, for clients: its version, the columns of its rows, its inputs."""

from __future__ import annotations

from typing import Any

from ml_assets.serve.service.followed import Followed


def described(model: Followed) -> dict[str, Any]:
    """Return a model as a JSON document."""
    if model.loaded is None:
        return {"name": model.name, "version": None, "ready": False, "why": model.why}
    state = model.loaded.state
    scorer = state.scorer
    found = {
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
            }
            for name, column in scorer.spec.rows.contract.columns.items()
        ],
        "features": [
            {"name": name, "type": column.kind, "unit": column.unit}
            for name, column in scorer.spec.features.columns.items()
        ],
    }
    if scorer.spec.task == "multiclass":
        found["classes"] = [str(name) for name in scorer.document["classes"]]
    if model.why is not None:
        found["why_not_newer"] = model.why
    return found
