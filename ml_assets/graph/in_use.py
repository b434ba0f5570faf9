"""Dagster's storages for a dagster.yaml that names no home: those of the one in use.

So a plain `dagster dev` uses the same history as `ml-assets` in that environment.
"""

from __future__ import annotations

from typing import Any

from ml_assets.graph.private.storage import LocalArtifactStorage, SqliteScheduleStorage
from ml_assets.graph.settings import own_dagster_home, settings
from ml_assets.graph.storage import PooledEventLogStorage, PooledRunStorage
from ml_assets.workspace import locate


class _InUse:
    """The base of the storages, with the settings in the environment's own dagster.yaml."""

    _part: str
    """Its key there."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the schema of the configuration, which is empty."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
        """Return the storage; raises HomeError if the project or home cannot be used."""
        config = settings(str(own_dagster_home(locate())))[cls._part]["config"]
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
    """Dagster's own files."""

    _part = "local_artifact_storage"
