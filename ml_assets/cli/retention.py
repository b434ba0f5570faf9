"""Removing days of requests that are older than their model keeps them, with a tombstone each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.engine.plan import Planner

if TYPE_CHECKING:
    from datetime import datetime


def expire(planner: Planner, now: datetime | None = None) -> list[str]:
    """Remove the days that are too old from every environment; return them as `dataset@day`."""
    home, project = planner.home, planner.project
    if not project.requests:
        return []
    from ml_assets.operations.retention import expired, past

    if not past(home, project, now):
        return []
    overdue = expired(home, project, now)
    if not overdue:
        return []
    from ml_assets.cli.collect import whole_home
    from ml_assets.cli.forget import complete
    from ml_assets.operations.forget.forget import forget, request
    from ml_assets.operations.forget.unsealed import quiet

    datasets = sorted({dataset for dataset, _ in overdue})
    with whole_home(home, "removing old requests"), quiet(home, project, datasets):
        complete(planner)
        for (dataset, day), why in overdue.items():
            forget(home, request(home, project, dataset, day, {}, why))
        complete(planner)
    return [f"{dataset}@{day}" for dataset, day in overdue]
