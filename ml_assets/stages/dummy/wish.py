"""What made-up rows are to look like."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import Contract


@dataclass(frozen=True)
class Wish:
    """The rows of one batch."""

    contract: Contract
    time: str | None = None
    zone: str = "UTC"
    """The clock by which hours, days and months are told."""
    period: tuple[datetime, datetime] | None = None
    """When the batch begins and when the next does, by that clock."""
    names: frozenset[str] = frozenset()
    """Columns that name rows, of this dataset or of another: their values are invented."""
    nulls: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Of each column, the texts that mean a missing value."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Values that all rows have."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """The document of `ml_assets.stages.statistics`; empty for none."""
    seed: int = 0

    @property
    def columns(self) -> Mapping[str, Column]:
        """The contract's columns."""
        return self.contract.columns

    def said(self, name: str) -> Mapping[str, Any]:
        """Return what the statistics say of a column; nothing if its type is another now."""
        said: Mapping[str, Any] = self.statistics.get("columns", {}).get(name, {})
        return said if said.get("type") == self.columns[name].type else {}

    def is_key(self, name: str) -> bool:
        """Return whether a column alone is the key."""
        return self.contract.key == (name,)
