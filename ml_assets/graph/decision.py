"""A gate's decision and the promotion log as Dagster's page shows them."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ml_assets.adapters.decision import rules_table, standing
from ml_assets.engine.reports import page
from ml_assets.history.reported import standing_of
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.promotions import decided_in
from ml_assets.store.records import Current


def log_metadata(home: Home, _: Project, current: Current) -> dict[str, Any]:
    """Return metadata about a model in the promotion log, its candidate, and the decision."""
    model = current.asset.split("/")[0]
    held = standing_of(home, model)
    metadata: dict[str, Any] = {
        name: value for name, value in standing(held.entries).items() if value is not None
    }
    decision = home.objects.json(current.outputs["decision"].digest)
    judged, policy = current.facts["candidate"], current.facts["policy"]
    entry = decided_in(held.entries, judged, policy)
    if entry is not None:
        metadata |= {
            "verdict": entry.action,
            "reason": entry.reason,
            "candidate": f"v{entry.version}",
        }
    metadata["rules"] = dg.MetadataValue.md(rules_table(decision))
    # The decision may be about the previous candidate.
    if held.report is not None and held.candidate is not None and held.candidate.digest == judged:
        metadata["report_file"] = dg.MetadataValue.path(str(page(home, held.report)))
    return metadata
