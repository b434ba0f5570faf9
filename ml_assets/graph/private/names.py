"""Names of Dagster's classes for dagster.yaml: module and class.

Dagster's docs mention them without promising stability. Without them no instance opens.
"""

from __future__ import annotations

SCHEDULES = {"module": "dagster._core.storage.schedules", "class": "SqliteScheduleStorage"}
ARTIFACTS = {"module": "dagster._core.storage.root", "class": "LocalArtifactStorage"}
NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}
