"""Dagster's storages in the home and environment in use, for a dagster.yaml that names neither.

So a bare `dagster dev` keeps its history where `ml-assets` with the same environment does.
"""

from __future__ import annotations

from typing import Any

from ml_assets.graph.private.storage import LocalArtifactStorage, SqliteScheduleStorage
from ml_assets.graph.settings import dagster_home, settings
from ml_assets.graph.storage import PooledEventLogStorage, PooledRunStorage
from ml_assets.workspace import locate


class _InUse:
    """What the storages share: their settings are those of the environment's own dagster.yaml."""

    _part: str
    """Its key there."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the schema of the configuration: nothing to say."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
        """Return the storage; raises HomeError where the project or home cannot be used."""
        config = settings(str(dagster_home(locate())))[cls._part]["config"]
        made: Any = super()
        return made.from_config_value(inst_data, {**config_value, **config})


class Runs(_InUse, PooledRunStorage):
    """Runs."""

    _part = "run_storage"


class Events(_InUse, PooledEventLogStorage):
    """Events of all runs."""

    _part = "event_log_storage"


class Schedules(_InUse, SqliteScheduleStorage):
    """Ticks of the sensor."""

    _part = "schedule_storage"


class Artifacts(_InUse, LocalArtifactStorage):
    """Files that Dagster itself writes."""

    _part = "local_artifact_storage"
