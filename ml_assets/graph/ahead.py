"""A second process on a run: it makes the same actions from the other end.

Dagster's step, its events and their commits keep one core; this keeps the other. Both look
into one cache, and a lock for each action keeps them from doing one twice. Belongs here: the
parent's side, which imports no dagster (the child's imports overlap the parent's).
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from ml_assets.importing import command
from ml_assets.plan.cells import Cell
from ml_assets.plan.plan import Planner
from ml_assets.plan.workspace import Workspace, child_environment

LOG = "ahead.log"
WORTH = (2_000_000, 200)
"""Landed bytes, or cells, from which work takes longer than a second process' imports (3 s)."""


def beside(planner: Planner, cells: Sequence[Cell]) -> AbstractContextManager[Ahead | None]:
    """Return a second process on a plan's cells; None where the data are small."""
    size, count = WORTH
    if len(cells) < count and planner.home.batches.size() < size:
        return nullcontext()
    return Ahead(planner.workspace, cells)


class Ahead:
    """The second process; it ends with this one, whatever happens to it."""

    def __init__(self, workspace: Workspace, cells: Sequence[Cell]) -> None:
        self.token = uuid.uuid4().hex
        self._workspace = workspace
        self._cells = cells
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Ahead:
        logs = self._workspace.home / "environments" / self._workspace.env / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                command("ml_assets.graph.ahead_child"),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
                env=child_environment(self._workspace),
                start_new_session=True,
            )
        request = {
            "token": self.token,
            "defs": str(self._workspace.defs),
            "cells": [str(cell) for cell in self._cells],
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
