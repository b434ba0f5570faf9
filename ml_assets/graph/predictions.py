"""A batch's predictions as Dagster's page shows them."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def predictions_metadata(_: Home, __: Project, current: Current) -> dict[str, Any]:
    """Return the scorer, the rows that need a second look, and the realized metrics."""
    facts = current.facts
    metadata: dict[str, Any] = {"scorer": facts["scorer"], "rows_seen_in_training": facts["seen"]}
    metadata["rows_with_unseen_category"] = facts["unseen"]
    metadata |= {f"rows_without_{name}": rows for name, rows in facts["missing_joins"].items()}
    if "intervals" in facts:
        metadata["intervals_on_test"] = facts["intervals"]
    realized = facts["realized"]
    if "why" in realized:
        return {**metadata, "realized": f"not measured: {realized['why']}"}
    metadata |= {f"realized_{n}": v for n, v in realized["metrics"].items() if v is not None}
    if "covered" in realized:
        metadata["realized_coverage"] = realized["covered"]
    counts = {name: realized[name] for name in ("rows", "unlabelled", "seen", "measured")}
    return {**metadata, "realized": dg.MetadataValue.json(counts)}


def challenger_metadata(home: Home, project: Project, current: Current) -> dict[str, Any]:
    """Return the same of a challenger, and how far it is from the batch's scorer."""
    apart = current.facts["disagreement"]
    metadata = predictions_metadata(home, project, current)
    if "why" in apart:
        return {**metadata, "disagreement": f"not measured: {apart['why']}"}
    metadata["compared_with"] = apart["from"]
    named = {"mean_absolute_difference": "mean_absolute_difference", "differing": "share_differing"}
    return metadata | {
        said: apart[name] for name, said in named.items() if apart.get(name) is not None
    }
