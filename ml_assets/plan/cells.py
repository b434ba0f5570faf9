"""Cells: an asset, or one partition of it. Written `flights/cleaned@2013-03`."""

from __future__ import annotations

from dataclasses import dataclass


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
    """Cells that are made together: one dataset batch, one model's splits, …"""

    group: str
    kind: str
    partition: str = ""

    def cells(self) -> tuple[Cell, ...]:
        """Return the cells that the unit makes, in data-flow order."""
        return tuple(Cell(f"{self.group}/{name}", self.partition) for name in UNITS[self.kind])

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}" + (f"@{self.partition}" if self.partition else "")


UNITS = {
    "batch": ("raw", "cleaned", "quarantine"),
    "features": ("features",),
    "splits": ("train_split", "validation_split", "test_split"),
    "candidate": ("candidate",),
    "quality_report": ("quality_report",),
    "evaluation_report": ("evaluation_report",),
    "champion": ("champion",),
    "release": ("release",),
}
"""What each kind of unit makes, in the order in which a run makes them where it may choose."""
SPARE = "quality_report"
"""Nothing is made from these: they fill the time in which a core would wait for a model."""
KIND_OF = {name: kind for kind, names in UNITS.items() for name in names}


def unit_of(cell: Cell) -> Unit:
    """Return the unit that makes a cell."""
    return Unit(cell.group, KIND_OF[cell.name], cell.partition)
