"""States of backfills and of a sensor's ticks.

They are arguments of an instance's public methods. Without the first an open
backfill would not count as in progress; without the second `forget` would leave old ticks.
"""

from __future__ import annotations

from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.scheduler.instigation import TickStatus

__all__ = ["BulkActionStatus", "TickStatus"]
