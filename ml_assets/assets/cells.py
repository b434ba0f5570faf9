"""Cells: an asset, or one partition of it. Written `flights/cleaned@2013-03`."""

from __future__ import annotations

from dataclasses import dataclass

from ml_assets.assets.registry import BY_NAME, made_by


@dataclass(frozen=True, order=True)
class Cell:
    """An asset and one of its partitions (empty for an unpartitioned asset)."""

    asset: str
    partition: str = ""

    def __str__(self) -> str:
        return f"{self.asset}@{self.partition}" if self.partition else self.asset

    @property
    def group(self) -> str:
        """The dataset or model."""
        return self.asset.split("/")[0]

    @property
    def name(self) -> str:
        """The asset's name within its group."""
        return self.asset.split("/")[1]


@dataclass(frozen=True, order=True)
class Unit:
    """Cells that one recipe makes together: one dataset batch, one model's splits, …"""

    group: str
    kind: str
    partition: str = ""

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that the unit makes, in data-flow order."""
        return tuple(
            Cell(f"{self.group}/{asset.name}", self.partition) for asset in made_by(self.kind)
        )

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}" + (f"@{self.partition}" if self.partition else "")


def unit_of(cell: Cell) -> Unit:
    """Return the unit that makes a cell; None for a landed file."""
    unit = BY_NAME[cell.name].unit
    assert unit is not None, cell
    return Unit(cell.group, unit.name, cell.partition)
