"""Dagster's own folder for a home and environment, and its dagster.yaml; imports no dagster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ml_assets.graph.private.names import ARTIFACTS, NO_COMPUTE_LOGS, SCHEDULES
from ml_assets.store import aside
from ml_assets.workspace import Workspace


def settings(base: str) -> dict[str, Any]:
    """Return a dagster.yaml that keeps everything under `base`."""
    return {
        "run_storage": {
            "module": "ml_assets.graph.storage",
            "class": "PooledRunStorage",
            "config": {"base_dir": f"{base}/history"},
        },
        "event_log_storage": {
            "module": "ml_assets.graph.storage",
            "class": "PooledEventLogStorage",
            "config": {"base_dir": f"{base}/history"},
        },
        "schedule_storage": {**SCHEDULES, "config": {"base_dir": f"{base}/schedules"}},
        "local_artifact_storage": {**ARTIFACTS, "config": {"base_dir": base}},
        "compute_logs": dict(NO_COMPUTE_LOGS),
        "concurrency": {"runs": {"max_concurrent_runs": 1}},
        "run_monitoring": {"enabled": True, "poll_interval_seconds": 30},
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
    }


def dagster_home(workspace: Workspace) -> Path:
    """Write the environment's dagster.yaml and return its folder.

    It is rewritten at each start, so that a moved or copied home works.
    """
    folder = workspace.home / "environments" / workspace.env / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(settings(str(folder)), sort_keys=False)
    path = folder / "dagster.yaml"
    # As bytes, so that even a damaged file is rewritten.
    if not path.is_file() or path.read_bytes() != text.encode():
        aside.write(path, text.encode())
    return folder
