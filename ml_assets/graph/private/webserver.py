"""Dagster's web application, which is put behind a guard.

The public way, the `dagster-webserver` command, does not support middleware. Without it `up`
could serve only a page that any site in the same browser can use.
"""

from __future__ import annotations

from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver import __version__
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.cli import (
    DEFAULT_DB_STATEMENT_TIMEOUT,
    DEFAULT_POOL_MAX_OVERFLOW,
    DEFAULT_POOL_RECYCLE,
)

__all__ = [
    "DEFAULT_DB_STATEMENT_TIMEOUT",
    "DEFAULT_POOL_MAX_OVERFLOW",
    "DEFAULT_POOL_RECYCLE",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "__version__",
    "create_app_from_workspace_process_context",
]
