"""A second process on a run: it makes the same actions from the other end.

Dagster's step, its events and their commits keep one core; this keeps the other. Both look
into one cache, and a lock for each action keeps them from doing one twice. Belongs here: the
parent's side, which imports no dagster (the child's imports overlap the parent's).
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ml_assets.importing import command
from ml_assets.plan.cells import Cell
from ml_assets.plan.plan import Planner
from ml_assets.plan.workspace import Workspace, child_environment

LOG = "ahead.log"
WORTH = (2_000_000, 200)
"""Landed bytes, or cells, from which work takes longer than a second process' imports (3 s)."""


@contextmanager
def beside(planner: Planner, cells: Sequence[Cell]) -> Iterator[str]:
    """Let a second process work on a plan's cells; give its token, empty where the data are small.

    It ends with this one, whatever happens to it.
    """
    size, count = WORTH
    if len(cells) < count and planner.home.batches.size() < size:
        yield ""
        return
    token = uuid.uuid4().hex
    process = _started(planner.workspace)
    request = {
        "token": token,
        "defs": str(planner.workspace.defs),
        "cells": [str(cell) for cell in cells],
    }
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        yield token
    finally:
        process.kill()
        process.communicate()


def _started(workspace: Workspace) -> subprocess.Popen[str]:
    logs = workspace.home / "environments" / workspace.env / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / LOG).open("ab") as log:
        return subprocess.Popen(
            command("ml_assets.graph.ahead_child"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            text=True,
            env=child_environment(workspace),
            start_new_session=True,
        )
