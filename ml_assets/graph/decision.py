"""A gate's decision and the promotion log as Dagster's page shows them."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ml_assets.adapters.decision import rules_table, standing
from ml_assets.plan.reports import page
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def log_metadata(home: Home, _: Project, current: Current) -> dict[str, Any]:
    """Return what the promotion log says of a model and its candidate, and the decision."""
    model = current.asset.split("/")[0]
    found: dict[str, Any] = {
        name: value for name, value in standing(home, model).items() if value is not None
    }
    decision = home.objects.json(current.outputs["decision"].digest)
    entry = home.promotions.decided(
        home.env, model, current.facts["candidate"], current.facts["policy"]
    )
    if entry is not None:
        found |= {"verdict": entry.action, "reason": entry.reason, "candidate": f"v{entry.version}"}
    found["rules"] = dg.MetadataValue.md(rules_table(decision))
    report = home.records.current(home.env, f"{model}/evaluation_report")
    if report is not None:
        found["report_file"] = dg.MetadataValue.path(str(page(home, report)))
    return found
