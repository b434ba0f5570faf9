"""Dagster's SQLite storages, the base classes of ours.

The public way, naming them in dagster.yaml, opens a connection for every statement (17 ms for an
event instead of 4) and cannot follow the home in use. Without them a run is slower, and a plain
`dagster dev` keeps its history elsewhere.
"""

from __future__ import annotations

from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage

__all__ = [
    "ConsolidatedSqliteEventLogStorage",
    "LocalArtifactStorage",
    "SqliteRunStorage",
    "SqliteScheduleStorage",
]
