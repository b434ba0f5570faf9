"""Addresses of versions, e.g. `flights/cleaned@2013-03:v0`, and how they resolve.

Without `:vN` an address means the current content in the environment in use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ml_assets.assets.cells import Cell
from ml_assets.assets.edges import assets_of, edges
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError, UnknownName
from ml_assets.spec.calendar import spelled
from ml_assets.store.records import Current, Version

ADDRESS = re.compile(r"(?P<asset>[^@:]+)(?:@(?P<partition>.+?))?(?::v?(?P<number>\d+))?")
WHOLE = re.compile(r"(?P<asset>[^@:]+)@(?P<partition>.+)")


@dataclass(frozen=True)
class FoundVersion:
    """One version of a cell, and the current record if the environment holds it now."""

    cell: Cell
    version: Version
    current: Current | None = None

    def __str__(self) -> str:
        return f"{self.cell}:v{self.version.number}"


def find(planner: Planner, text: str, partition: str | None = None) -> FoundVersion:
    """Return the version that an address names; `partition` is used if the address has none.

    Raises RequestError if the text is not an address, and UnknownName if the asset, partition or
    version does not exist.
    """
    asset, named, number = _read(planner, spelled(text))
    if partition and named and partition != named:
        raise RequestError(f"{text!r} names one batch and --partition {partition} another")
    part = named or partition
    versions = versions_of(planner, asset, part)
    cell = Cell(asset, part or "")
    now = planner.home.records.current(planner.home.env, asset, cell.partition)
    item = numbered(planner, cell, number, versions)
    return FoundVersion(cell, item, now if now is not None and now.number == item.number else None)


def _read(planner: Planner, text: str) -> tuple[str, str | None, str | None]:
    """Return asset, batch and number of an address.

    A batch may be called `12:30` or `a:v0`; if a batch has that name, it is meant.
    """
    whole = WHOLE.fullmatch(text)
    if whole and whole["partition"] in planner.home.records.partitions(whole["asset"]):
        return whole["asset"], whole["partition"], None
    match = ADDRESS.fullmatch(text)
    if match is None:
        raise RequestError(f"{text!r}: wanted an asset, e.g. flights/cleaned@2013-03:v0")
    return match["asset"], match["partition"], match["number"]


def versions_of(planner: Planner, asset: str, partition: str | None) -> list[Version]:
    """Return the versions of an asset (partition), oldest first, at least one.

    Raises UnknownName, which lists what exists.
    """
    project = planner.project
    known = [
        *edges(project),
        *(
            f"{name}/{entry.name}"
            for name in project.borrowed
            for entry in assets_of(project, name)
        ),
    ]
    known = [key for key in known if not key.endswith("/landing")]
    if asset not in known:
        raise UnknownName.of("asset", asset, known)
    records = planner.home.records
    versions = records.versions(asset, partition or "")
    if versions:
        return versions
    partitions = planner.project.ordered(asset.split("/", maxsplit=1)[0], records.partitions(asset))
    partitions = [name for name in partitions if name]
    if partition is None and partitions:
        said = f"{asset} has partitions; choose one of {', '.join(partitions)}"
        raise UnknownName(said, what="partition", available=partitions)
    if partition is not None:
        raise UnknownName.of(f"partition of {asset}", partition, partitions)
    raise UnknownName(f"{asset} was never materialized")


def numbered(
    planner: Planner, cell: Cell, version: int | str | None, versions: list[Version]
) -> Version:
    """Return the version with a number (or `v3`), default the current one; raises UnknownName."""
    home = planner.home
    if version is None:
        now = home.records.current(home.env, cell.asset, cell.partition)
        if now is None:
            raise UnknownName(f"{cell} is not materialized in environment {home.env}")
        version = now.number
    by_number = {str(item.number): item for item in versions}
    item = by_number.get(str(version).removeprefix("v"))
    if item is None:
        raise UnknownName.of(f"version of {cell.asset}", str(version), [f"v{n}" for n in by_number])
    return item
