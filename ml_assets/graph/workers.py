"""Worker processes of a run, which make the same actions from the other end.

Dagster's steps and their events occupy the run's own process; workers use the other processors. All
share one cache, and a lock for each action prevents that two run it at once.
Belongs here: the parent's side, which imports no dagster (the workers' imports overlap its own).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ml_assets.assets.cells import Cell
from ml_assets.children.child import Child
from ml_assets.engine.plan import Planner
from ml_assets.errors import HomeError
from ml_assets.workspace import child_environment

WORKERS, DEFAULT = "ML_ASSETS_WORKERS", 1
"""The variable with the number of workers of a run; with 0 the run makes everything itself."""
TARGET = "ml_assets.graph.worker:answering"
LOG = "workers.log"
LARGE, MANY = 2_000_000, 200
"""Landed bytes, or cells, above which the work takes longer than a worker's imports (3 s)."""


def wanted() -> int:
    """Return the number of workers of a run; raises HomeError if the setting is not a number."""
    said = os.environ.get(WORKERS) or str(DEFAULT)
    if not said.isdecimal():
        raise HomeError(f"{WORKERS} is {said!r}, wanted a number of processes (0 for none)")
    return int(said)


@contextmanager
def beside(planner: Planner, cells: Sequence[Cell]) -> Iterator[str]:
    """Let workers make a plan's cells; yield their token, which is empty without workers.

    They end with this process, however it ends. Raises HomeError for an invalid setting.
    """
    count = wanted()
    if not count or (len(cells) < MANY and planner.home.batches.size() < LARGE):
        yield ""
        return
    token = uuid.uuid4().hex
    workspace = planner.workspace
    logs = workspace.home / "environments" / workspace.env / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    request = {"token": token, "cells": [str(cell) for cell in cells]}
    with ExitStack() as open_:
        log = open_.enter_context((logs / LOG).open("ab"))
        for number in range(count):
            words = (str(workspace.defs), str(number), str(count))
            child = Child(TARGET, *words, environ=child_environment(workspace), log=log)
            open_.enter_context(child).tell(request)
        yield token
