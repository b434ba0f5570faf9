"""The reports of a model or dataset: outputs named `report`, one HTML file each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_assets.assets.cells import Cell
from ml_assets.errors import NotMaterialized, UnknownName
from ml_assets.plan.plan import Planner
from ml_assets.store.home import Home
from ml_assets.store.records import Current

OUTPUT = "report"
FIRST = ("evaluation_report", "quality_report")
"""Which one is meant where a group has several and only the group is named."""


@dataclass(frozen=True)
class Report:
    """A report that is current in the environment in use."""

    cell: Cell
    version: str
    content: bytes

    @property
    def file(self) -> str:
        """A name for its file: flight_delay-evaluation_report-v3.html."""
        return _file(self.cell, self.version)


def linked(home: Home, current: Current) -> Any:
    """Return the path of a current report's page, under a name that a browser opens as a page.

    It is a link to the object, so what is deleted there is gone here; objects that are not on
    this machine have no link, and their own address is returned.
    """
    target = home.objects.path(current.outputs[OUTPUT].digest)
    if not isinstance(target, Path):
        return target
    name = _file(Cell(current.asset, current.partition), f"v{current.number}")
    path = home.folder / "reports" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    relative = os.path.relpath(target, path.parent)
    if not (path.is_symlink() and os.readlink(path) == relative):
        new = path.with_name(f"{name}.{os.getpid()}.tmp")
        new.unlink(missing_ok=True)
        new.symlink_to(relative)
        os.replace(new, path)
    return path


def _file(cell: Cell, version: str) -> str:
    batch = [cell.partition.replace("/", "_")] if cell.partition else []
    return "-".join([cell.group, cell.name, *batch, version]) + ".html"


def report_of(planner: Planner, name: str, partition: str | None = None) -> Report:
    """Return the current report of a group, or of one asset; the newest batch's without one.

    Raises UnknownName where there is no such model, dataset, asset or batch, NotMaterialized
    where it has no report yet.
    """
    group, _, asset = name.partition("/")
    groups = [*planner.project.models, *planner.project.datasets]
    if group not in groups:
        raise UnknownName.of("model or dataset", group, groups)
    home = planner.home
    held = {
        Cell(*place): now
        for place, now in home.records.all_current(home.env).items()
        if place[0].startswith(f"{group}/") and OUTPUT in now.outputs
    }
    names = sorted({cell.name for cell in held}, key=lambda n: (n not in FIRST, n))
    if not names:
        raise NotMaterialized(f"{group} has no report in environment {home.env}: ml-assets run")
    if asset and asset not in names:
        raise UnknownName.of(f"report of {group}", asset, names)
    mine = {cell: now for cell, now in held.items() if cell.name == (asset or names[0])}
    batches = [cell.partition for cell in mine]
    if partition is not None and partition not in batches:
        raise UnknownName.of(
            f"batch of {group}/{asset or names[0]}", partition, filter(None, batches)
        )
    cell = max(mine) if partition is None else Cell(f"{group}/{asset or names[0]}", partition)
    now = mine[cell]
    return Report(cell, f"v{now.number}", home.objects.read(now.outputs[OUTPUT].digest))
