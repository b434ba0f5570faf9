"""A monitoring report as Dagster's page shows it."""

from __future__ import annotations

from typing import Any

from ml_assets.engine.markdown import plain
from ml_assets.graph.quality import report_metadata
from ml_assets.operations.watched import watched
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def monitoring_metadata(home: Home, project: Project, current: Current) -> dict[str, Any]:
    """Return the report inline, its file, the numbers that are plotted over batches, and alarms.

    An alarm is of all batches up to this one, as they are held now.
    """
    said, group = current.facts["monitoring"], current.asset.split("/")[0]
    seen = watched(home, project, group, upto=current.partition)
    warns = [check["name"] for check in current.checks if check["passed"] is False]
    first = f"Predicted by **{said['model']}**."
    alarms: dict[str, Any] = {"warnings": len(warns)}
    if seen is not None:
        first += f" {plain(seen.line()).capitalize()}."
        alarms |= {"alarm": int(seen.since is not None), "changed_for_good": len(seen.columns)}
    metadata = report_metadata(home, current, said, first=first, column="input", mark="changed")
    return {**metadata, **alarms}
