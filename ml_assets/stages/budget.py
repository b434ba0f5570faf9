"""How many records of a batch may be quarantined before it is refused.

Belongs here: the limit and its words. Does not belong here: which records break what (`contract`).
"""

from __future__ import annotations

from typing import Protocol

from ml_assets.stages.counted import counted


class Budget(Protocol):
    """A spec that says how much may be quarantined."""

    @property
    def quarantine_budget(self) -> float:
        """The share of the records."""

    @property
    def quarantine_rows(self) -> int:
        """So many records in any case."""


def within(budget: Budget, quarantined: int, landed: int) -> bool:
    """Tell whether a batch may be used although some of its records are quarantined.

    `quarantine_rows` never covers more than half of a batch, which is not a slip of single records.
    """
    few = min(budget.quarantine_rows, landed / 2)
    return quarantined <= max(budget.quarantine_budget * landed, few)


def wanted(budget: Budget) -> str:
    """Return the limit for a sentence: `at most 5.0%`, `at most 5.0% or 5 records`."""
    said = f"at most {budget.quarantine_budget:.1%}"
    few = budget.quarantine_rows
    return f"{said} or {counted(few, 'record')}" if few else said
