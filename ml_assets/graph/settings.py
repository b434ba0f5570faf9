"""Dagster's own folder for a home and environment, and its dagster.yaml; imports no dagster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from ml_assets.errors import HomeError
from ml_assets.graph.private.names import ARTIFACTS, NO_COMPUTE_LOGS, SCHEDULES
from ml_assets.store import aside
from ml_assets.workspace import Workspace

OWN = "ML_ASSETS_DAGSTER"
"""The variable with the folder of a dagster.yaml that people keep; without it each home has one."""


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
    """Return the folder of the dagster.yaml in use: `ML_ASSETS_DAGSTER`, or the environment's own.

    Raises HomeError if the named folder has none.
    """
    own = os.environ.get(OWN)
    if own:
        if not Path(own, "dagster.yaml").is_file():
            raise HomeError(
                f"{OWN} is {own!r}, which holds no dagster.yaml; wanted the folder of one, or "
                "unset: then each environment of a home has its own"
            )
        return Path(own)
    return own_dagster_home(workspace)


def own_dagster_home(workspace: Workspace) -> Path:
    """Return the environment's own folder for Dagster, with its dagster.yaml.

    It is rewritten at each start, so that a moved or copied home works.
    """
    folder = dagster_folder(workspace)
    text = yaml.safe_dump(settings(str(folder)), sort_keys=False)
    path = folder / "dagster.yaml"
    # As bytes, so that even a damaged file is rewritten.
    if not path.is_file() or path.read_bytes() != text.encode():
        aside.write(path, text.encode())
    return folder


def dagster_folder(workspace: Workspace) -> Path:
    """Return the environment's own folder for Dagster, which is made."""
    folder = workspace.home / "environments" / workspace.env / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
