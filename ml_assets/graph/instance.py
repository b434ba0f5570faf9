"""Opens Dagster's instance of a home and environment, and registers batches in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import takewhile

import dagster as dg

from ml_assets.engine.plan import Plan
from ml_assets.graph.settings import dagster_home
from ml_assets.spec.project import Project
from ml_assets.workspace import Workspace


def open_instance(workspace: Workspace) -> dg.DagsterInstance:
    """Open Dagster's instance of the environment in use."""
    folder = dagster_home(workspace)
    os.environ["DAGSTER_HOME"] = str(folder)
    return dg.DagsterInstance.from_config(str(folder))


def register_batches(
    instance: dg.DagsterInstance, project: Project, plan: Plan, *, busy: bool = False
) -> Mapping[str, Sequence[str]]:
    """Add new batches to their calendars; return each calendar's batches in Dagster's order.

    Dagster keeps the order in which they were added. If that is not the calendar's order, batches
    from the first wrong one on are added again; Dagster keeps their events by name. While Dagster
    is `busy`, new ones are added at the end, since an open run may have a range of batches.
    """
    wanted: dict[str, set[str]] = {}
    for item in plan.cells:
        calendar = project.calendar_of(item.cell.group)
        if calendar is not None and item.cell.partition:
            wanted.setdefault(calendar, set()).add(item.cell.partition)
    orders, calendars = {}, project.calendars()
    for calendar, batches in wanted.items():
        known = list(instance.get_dynamic_partitions(calendar))
        new = calendars[calendar].sorted(batches - set(known))
        order = calendars[calendar].sorted([*known, *new])
        if busy:
            order = [*known, *new]
        same = (old == now for old, now in zip(known, order, strict=False))
        right = len(list(takewhile(bool, same)))
        for batch in known[right:]:
            instance.delete_dynamic_partition(calendar, batch)
        if order[right:]:
            instance.add_dynamic_partitions(calendar, order[right:])
        orders[calendar] = order
    return orders
