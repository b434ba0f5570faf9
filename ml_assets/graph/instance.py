"""Opening Dagster's instance of a home and environment; its calendars' batches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import dagster as dg

from ml_assets.graph.settings import dagster_home
from ml_assets.plan.plan import Plan
from ml_assets.plan.workspace import Workspace
from ml_assets.spec.project import Project


def open_instance(workspace: Workspace) -> dg.DagsterInstance:
    """Open Dagster's instance of the environment in use."""
    folder = dagster_home(workspace)
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.from_config(str(folder))


def register_batches(
    instance: dg.DagsterInstance, project: Project, plan: Plan
) -> Mapping[str, Sequence[str]]:
    """Add new batches to their calendars; return each calendar's batches as Dagster has them."""
    wanted: dict[str, set[str]] = {}
    for item in plan.cells:
        calendar = project.calendar_of(item.cell.group)
        if calendar is not None and item.cell.partition:
            wanted.setdefault(calendar, set()).add(item.cell.partition)
    found = {}
    for calendar, batches in wanted.items():
        known = instance.get_dynamic_partitions(calendar)
        new = sorted(batches - set(known))
        if new:
            instance.add_dynamic_partitions(calendar, new)
        found[calendar] = [*known, *new]
    return found
