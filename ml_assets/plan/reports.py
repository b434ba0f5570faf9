"""The reports of a model or dataset: outputs named `report`, one HTML file each."""

from __future__ import annotations

from dataclasses import dataclass

from ml_assets.errors import NotMaterialized, UnknownName
from ml_assets.plan.cells import Cell
from ml_assets.plan.plan import Planner

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
        batch = [self.cell.partition.replace("/", "_")] if self.cell.partition else []
        return "-".join([self.cell.group, self.cell.name, *batch, self.version]) + ".html"


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
