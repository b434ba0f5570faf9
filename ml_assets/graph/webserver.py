"""Serves Dagster's page for `ml-assets up`: Dagster's own application behind a guard.

It runs as a process; DAGSTER_HOME names the instance. Belongs here: the process. Does not
belong here: what the guard refuses (`guard`).
"""

from __future__ import annotations

import argparse

import uvicorn
from dagster import DagsterInstance

from ml_assets.graph.guard import Guard
from ml_assets.graph.private.webserver import (
    DEFAULT_DB_STATEMENT_TIMEOUT,
    DEFAULT_POOL_MAX_OVERFLOW,
    DEFAULT_POOL_RECYCLE,
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    __version__,
    create_app_from_workspace_process_context,
)

POLL = 2000
"""Milliseconds between two polls of an open page, as in Dagster's own command."""
GRACE = 3
"""Seconds for open requests when the server ends; an open page never closes its websocket."""


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--host", action="append", default=[])
    given = parser.parse_args()
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(
            DEFAULT_DB_STATEMENT_TIMEOUT, DEFAULT_POOL_RECYCLE, DEFAULT_POOL_MAX_OVERFLOW
        )
        target = WorkspaceFileTarget([given.workspace])
        with WorkspaceProcessContext(instance, target, version=__version__) as context:
            app = Guard(create_app_from_workspace_process_context(context, "", POLL), given.host)
            uvicorn.run(
                app,
                host=given.listen,
                port=given.port,
                log_level="warning",
                timeout_graceful_shutdown=GRACE,
            )
