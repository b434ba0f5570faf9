"""Divides a plan into as few runs as possible: assets with one contiguous range of batches each.

Unchanged cells within a range are published as reused; waiting cells split a range, and absent ones
of an asset that each batch has.
Unpartitioned assets are in the last run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ml_assets.assets.cells import Cell, unit_of
from ml_assets.assets.edges import edges, entry_of, partitioned, reverse, walk
from ml_assets.engine.plan import Plan, Planned
from ml_assets.spec.project import Project
from ml_assets.store.digest import json_digest


@dataclass(frozen=True)
class RunSpec:
    """One run: assets, and the first and last batch (none if all assets are unpartitioned)."""

    calendar: str | None
    assets: tuple[str, ...]
    first: str | None = None
    last: str | None = None

    @property
    def name(self) -> str:
        """A digest of its assets and batches."""
        return json_digest([self.calendar, sorted(self.assets), self.first, self.last])


def runs(plan: Plan, project: Project, order: Mapping[str, Sequence[str]]) -> list[RunSpec]:
    """Return the runs that a plan needs; `order` has each calendar's batches in Dagster's order."""
    specs: list[RunSpec] = []
    todo = plan.todo
    free = tuple(dict.fromkeys(i.cell.asset for i in todo if not _calendar(project, i)))
    calendars = sorted({_calendar(project, i) for i in todo} - {""})
    for calendar in calendars:
        mine = [i for i in todo if _calendar(project, i) == calendar]
        specs += _calendar_runs(plan, project, calendar, mine, order.get(calendar, ()))
    if not free:
        return specs
    if not specs:
        return [RunSpec(None, free)]
    # Snapshots are in the first run, since assets that join them may be in it.
    first = specs[0]
    return [RunSpec(first.calendar, (*free, *first.assets), first.first, first.last), *specs[1:]]


def without(spec: RunSpec, failed: set[str], project: Project) -> RunSpec | None:
    """Return a run without assets that depend on assets which failed in an earlier run.

    So two ranges behave like one: other batches of the failed assets are completed, and nothing
    is computed from only some of them. None if nothing is left.
    """
    after = walk(reverse(edges(project)), failed, None) - failed
    left = tuple(asset for asset in spec.assets if asset not in after)
    if not any(partitioned(project, asset) for asset in left):
        return RunSpec(spec.calendar, left) if left else None
    return replace(spec, assets=left)


def untried(
    specs: Sequence[RunSpec], ended: Mapping[str, bool], project: Project
) -> RunSpec | None:
    """Return the first run that has not ended yet, without assets that depend on failed ones.

    `ended` maps the name of each run tried for the same wanted state to whether it succeeded.
    None if all were tried.
    """
    failed: set[str] = set()
    for whole in specs:
        spec = without(whole, failed, project)
        if spec is None:
            continue
        if spec.name not in ended:
            return spec
        failed |= set() if ended[spec.name] else _first(spec, project)
    return None


def _first(spec: RunSpec, project: Project) -> set[str]:
    """Return the assets of a run's first steps: those that failed, if the run is a retry.

    Assets that were made before the failure need not be made again.
    """
    graph = edges(project)
    units = [{cell.asset for cell in unit_of(Cell(asset)).cells()} for asset in spec.assets]
    begin = [u for u in units if not {s for a in u for s in graph[a]} & {*spec.assets} - u]
    return set().union(*begin)


def _calendar(project: Project, item: Planned) -> str:
    return project.calendar_of(item.cell.group) or ""


def _calendar_runs(
    plan: Plan, project: Project, calendar: str, todo: Sequence[Planned], order: Sequence[str]
) -> list[RunSpec]:
    batched = [i.cell for i in todo if partitioned(project, i.cell.asset)]
    single = tuple(
        dict.fromkeys(i.cell.asset for i in todo if not partitioned(project, i.cell.asset))
    )
    waiting = {i.cell for i in plan.cells if i.status == "wait"}
    ready = {i.cell for i in plan.cells} - waiting
    # Where a recipe has nothing to make, its step does nothing.
    ready |= {
        Cell(asset, batch)
        for asset in {cell.asset for cell in batched if entry_of(cell.asset).sparse}
        for batch in order
    } - waiting
    specs = [
        RunSpec(calendar, assets, first, last)
        for assets, first, last in _segments(batched, ready, order)
    ]
    if not single:
        return specs
    if not specs:
        return [RunSpec(calendar or None, single)]
    end = specs[-1]
    return [*specs[:-1], RunSpec(calendar, (*end.assets, *single), end.first, end.last)]


def _segments(
    todo: Sequence[Cell], ready: set[Cell], order: Sequence[str]
) -> list[tuple[tuple[str, ...], str, str]]:
    """Split the batches where the set of available assets changes."""
    wanted = tuple(dict.fromkeys(cell.asset for cell in todo))
    needed = {cell.partition for cell in todo}
    segments: list[tuple[tuple[str, ...], list[str]]] = []
    for batch in order:
        there = tuple(asset for asset in wanted if Cell(asset, batch) in ready)
        if segments and segments[-1][0] == there:
            segments[-1][1].append(batch)
        else:
            segments.append((there, [batch]))
    ranges = []
    for there, batches in segments:
        inside = [batch for batch in batches if batch in needed]
        if not there or not inside:
            continue
        span = batches[batches.index(inside[0]) : batches.index(inside[-1]) + 1]
        used = tuple(a for a in there if any(c.asset == a and c.partition in span for c in todo))
        if used:
            ranges.append((used, span[0], span[-1]))
    return ranges
