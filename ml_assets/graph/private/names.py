"""Names of Dagster's classes as dagster.yaml says them: module and class.

Dagster's documentation has them, and does not promise them. Without them no instance opens.
"""

from __future__ import annotations

SCHEDULES = {"module": "dagster._core.storage.schedules", "class": "SqliteScheduleStorage"}
ARTIFACTS = {"module": "dagster._core.storage.root", "class": "LocalArtifactStorage"}
NO_COMPUTE_LOGS = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}
