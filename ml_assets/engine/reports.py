"""The reports of a model or dataset: outputs named `report`, one HTML file each.

In the store a report is an object. People open its page: a copy in the environment's folder
`reports/`, written when its path is shown to somebody. Nothing reads a page back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_assets.assets.cells import Cell
from ml_assets.engine.plan import Planner
from ml_assets.errors import NotMaterialized, UnknownName
from ml_assets.store import aside
from ml_assets.store.digest import bytes_digest
from ml_assets.store.home import Home
from ml_assets.store.records import Current

OUTPUT = "report"
FIRST = ("evaluation_report", "quality_report")
"""The report that is meant if a group has several and only the group is named."""
PAGE = re.compile(r".+-v\d+\.html(\.\d+\.tmp)?")
"""A page's file, including one that a killed process was writing."""


@dataclass(frozen=True)
class Report:
    """A report that is current in the environment in use."""

    cell: Cell
    current: Current

    @property
    def version(self) -> str:
        """Its version: v3."""
        return f"v{self.current.number}"


def page(home: Home, current: Current) -> Path:
    """Return the path of a current report's page, which is written if missing or damaged.

    Its name is like flight_delay-evaluation_report-v3.html. It is not a link to the object, since
    Chromium shows the source of a target without a suffix. Raises DamagedObject if the report
    itself cannot be read.
    """
    digest = current.outputs[OUTPUT].digest
    batch = [current.partition.replace("/", "_")] if current.partition else []
    name = "-".join([*current.asset.split("/"), *batch, f"v{current.number}"]) + ".html"
    path = home.folder / "reports" / name
    if path.is_symlink() or not path.is_file() or bytes_digest(path.read_bytes()) != digest:
        aside.write(path, home.objects.read(digest))
    return path


def sweep(home: Home) -> None:
    """Remove the pages, in every environment, of reports that are no longer in the store."""
    for path in list(_pages(home)):
        # A broken link, since pages used to be links.
        if not path.exists() or home.objects.missing([bytes_digest(path.read_bytes())]):
            path.unlink(missing_ok=True)


def _pages(home: Home) -> Iterator[Path]:
    for env in home.environments():
        for path in (home.root / "environments" / env / "reports").glob("*"):
            if PAGE.fullmatch(path.name) and (path.is_file() or not path.exists()):
                yield path


def report_of(planner: Planner, name: str, partition: str | None = None) -> Report:
    """Return the current report of a group or asset, by default of the newest batch.

    Raises UnknownName if there is no such model, dataset, asset or batch, and NotMaterialized
    if it has no report yet.
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
        raise NotMaterialized(
            f"{group} has no report in environment {home.env}; run `ml-assets run`"
        )
    if asset and asset not in names:
        raise UnknownName.of(f"report of {group}", asset, names)
    mine = {cell: now for cell, now in held.items() if cell.name == (asset or names[0])}
    batches = [cell.partition for cell in mine]
    if partition is not None and partition not in batches:
        raise UnknownName.of(
            f"batch of {group}/{asset or names[0]}", partition, filter(None, batches)
        )
    newest = planner.project.ordered(group, batches)[-1]
    cell = Cell(f"{group}/{asset or names[0]}", newest if partition is None else partition)
    return Report(cell, mine[cell])
