"""A second process on a run: it makes the same actions from the other end.

Dagster's step, its events and their commits keep one core; this keeps the other. Both look
into one cache, and a lock for each action keeps them from doing one twice. Belongs here: the
parent's side, which imports no dagster (the child's imports overlap the parent's).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ml_assets import early
from ml_assets.assets.cells import Cell
from ml_assets.plan.plan import Planner
from ml_assets.plan.workspace import settings

LOG = "ahead.log"
MANY = 200
"""Cells from which work takes longer than a second process' imports, however small they are."""


@contextmanager
def beside(planner: Planner, cells: Sequence[Cell]) -> Iterator[str]:
    """Let a second process work on a plan's cells; give its token, empty where the data are small.

    It ends with this one, whatever happens to it.
    """
    if len(cells) < MANY and planner.home.batches.size() < early.LARGE:
        early.drop()
        yield ""
        return
    token = uuid.uuid4().hex
    workspace = planner.workspace
    process = early.taken() or early.started()
    logs = workspace.home / "environments" / workspace.env / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    request = {
        "token": token,
        "defs": str(workspace.defs),
        "cells": [str(cell) for cell in cells],
        "settings": settings(workspace),
        "log": str(logs / LOG),
    }
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        yield token
    finally:
        process.kill()
        process.communicate()
