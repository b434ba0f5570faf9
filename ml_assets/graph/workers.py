"""Run workers: processes beside a run that make the same actions from the other end.

Dagster's steps and their events occupy the run's own process; these use the other processors. All
share one cache, and a lock for each action prevents two of them from running it at once.
Belongs here: the parent's side, which imports no dagster (the workers' imports overlap its own).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO

from ml_assets.assets.cells import Cell
from ml_assets.children.child import Child, ChildError
from ml_assets.engine.plan import Planner
from ml_assets.engine.runners.cluster import address_of
from ml_assets.errors import HomeError
from ml_assets.stages.counted import counted
from ml_assets.workspace import Workspace, child_environment

WORKERS, DEFAULT = "ML_ASSETS_WORKERS", 1
"""The variable with the number of run workers; with 0 the run makes everything itself."""
TARGET = "ml_assets.graph.worker:answering"
FILLING = "ml_assets.graph.filling:answering"
PATIENCE = 120.0
"""Seconds in which a cluster has to say what it is like."""
LOG = "workers.log"
LARGE, MANY = 2_000_000, 200
"""Landed bytes, or cells, above which the work takes longer than a run worker's imports (3 s)."""


def wanted() -> int:
    """Return the number of run workers; raises HomeError if the setting is not a number."""
    said = os.environ.get(WORKERS) or str(DEFAULT)
    if not said.isdecimal():
        raise HomeError(f"{WORKERS} is {said!r}, wanted a number of run workers (0 for none)")
    return int(said)


@contextmanager
def beside(
    planner: Planner, cells: Sequence[Cell], tell: Callable[[str], None] = lambda said: None
) -> Iterator[str]:
    """Let run workers make a plan's cells; yield their token, which is empty without any.

    They end with this process, however it ends. With a `runner`, Dask workers of its cluster do it.
    Raises HomeError for an invalid setting, or a cluster that cannot be used.
    """
    if cells and planner.workspace.runner:
        with _on_dask(planner, cells, tell) as token:
            yield token
        return
    count = wanted()
    if not count or (len(cells) < MANY and planner.home.batches.size() < LARGE):
        yield ""
        return
    token = uuid.uuid4().hex
    workspace = planner.workspace
    request = {"token": token, "cells": [str(cell) for cell in cells]}
    with ExitStack() as open_:
        log = open_.enter_context(_log(workspace))
        for number in range(count):
            words = (str(workspace.defs), str(number), str(count))
            child = Child(TARGET, *words, environ=child_environment(workspace), log=log)
            open_.enter_context(child).tell(request)
        yield token


@contextmanager
def _on_dask(planner: Planner, cells: Sequence[Cell], tell: Callable[[str], None]) -> Iterator[str]:
    """Have Dask workers fill the cache, by a process that asks them."""
    token, workspace = uuid.uuid4().hex, planner.workspace
    words = (str(workspace.defs), address_of(workspace.runner))
    with (
        _log(workspace) as log,
        Child(FILLING, *words, environ=child_environment(workspace), log=log) as child,
    ):
        try:
            said = child.ask({}, PATIENCE)
        except ChildError as error:
            raise HomeError(str(error)) from None
        refused = "; ".join(f"{name}: {why}" for name, why in said["refused"].items())
        if refused and not said["workers"]:
            raise HomeError(f"no Dask worker of {workspace.runner} can be used: {refused}")
        threads = sum(said["workers"].values())
        tell(
            f"actions run on {workspace.runner}: {counted(threads, 'thread')}, {said['dashboard']}"
        )
        if refused:
            tell(f"Dask workers that are not used: {refused}")
        child.tell({"token": token, "cells": [str(cell) for cell in cells]})
        yield token


def _log(workspace: Workspace) -> IO[bytes]:
    logs = workspace.home / "environments" / workspace.env / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    return (logs / LOG).open("ab")
