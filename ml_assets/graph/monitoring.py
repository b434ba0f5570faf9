"""A monitoring report as Dagster's page shows it."""

from __future__ import annotations

from typing import Any

from ml_assets.graph.quality import report_metadata
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def monitoring_metadata(home: Home, _: Project, current: Current) -> dict[str, Any]:
    """Return the report inline, its file, and the numbers that are plotted over batches."""
    said = current.facts["monitoring"]
    first = f"Predicted by **{said['model']}**."
    return report_metadata(home, current, said, first=first, column="input", mark="changed")
