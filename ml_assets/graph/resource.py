"""The resource through which steps make units: opened once a run, under the writer lock."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import dagster as dg
import psutil
from pydantic import PrivateAttr

from ml_assets.adapters.mlflow.process import Publisher
from ml_assets.adapters.openlineage import tell_run
from ml_assets.assets.cells import Cell, unit_of
from ml_assets.assets.registry import BY_NAME
from ml_assets.engine.make import Listener, Maker, Progress
from ml_assets.engine.plan import Planner
from ml_assets.graph.boundary import boundary
from ml_assets.graph.workers import beside
from ml_assets.store.lock import writer
from ml_assets.store.processes import record_process
from ml_assets.workspace import locate

FORCE, VERIFY, TOKEN = "ml_assets/force", "ml_assets/verify", "ml_assets/token"
PATIENCE = 3600.0
"""Seconds that a run launched by the daemon waits for another writer."""
listeners: list[Listener] = []
"""Who is told of progress in this process."""
todo: list[Cell] = []
"""What the plan behind runs in this process wants made, where a second process was told it."""
warnings: list[str] = []
"""What runs in this process could not show elsewhere, for the command line."""


class Engine(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Makes units of the run that it is opened in."""

    _maker: Any = PrivateAttr(default=None)
    _publisher: Any = PrivateAttr(default=None)
    _run_id: str | None = PrivateAttr(default=None)
    _told: list[Progress] = PrivateAttr(default_factory=list)

    @property
    def maker(self) -> Maker:
        """The maker of this run."""
        maker: Maker = self._maker
        return maker

    def publish(self, model: str) -> dict[str, Any]:
        """Show a model's candidate in MLflow; raises PublishError."""
        shown: dict[str, Any] = self._publisher.publish(model, self._run_id)
        return shown

    def show_log(self, model: str) -> None:
        """Show a model's promotion log in MLflow; raises PublishError."""
        self._publisher.show_log(model)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Engine]:
        """Open the home, take the lock, and close both when the run ends."""
        workspace = locate()
        home = workspace.open_home()
        run = context.run
        self._run_id = run.run_id if run is not None else None
        self._told.clear()
        if self._run_id is not None:
            started = psutil.Process().create_time()
            record_process(home, self._run_id, socket.gethostname(), os.getpid(), started)
        try:
            with (
                writer(home.writer_lock(), f"run {self._run_id}", patience=PATIENCE),
                ExitStack() as open_,
            ):
                self._open(Planner(workspace, home), run, open_)
                yield self
        finally:
            if self._maker is not None:
                self._tell_lineage(context)
            self._maker = self._publisher = None
            home.close()

    def _open(self, planner: Planner, run: dg.DagsterRun | None, open_: ExitStack) -> None:
        """Start what a run needs beside it: a second process, MLflow's."""
        tags = dict(run.tags) if run is not None else {}
        keys = run.asset_selection if run is not None else None
        chosen = {"/".join(key.path) for key in keys or ()}
        again = FORCE in tags or VERIFY in tags
        token = tags.get(TOKEN, "")
        cells = list(todo)
        if not token and not again:
            cells = [i.cell for i in planner.plan(look=False).todo if i.cell.asset in chosen]
            token = open_.enter_context(beside(planner, cells))
        self._publisher = open_.enter_context(closing(Publisher(planner.workspace)))
        if any(_needs_mlflow(asset) for asset in chosen):
            # Its imports take seconds, which pass while the models are trained.
            self._publisher.start()
        self._maker = Maker(
            planner,
            self._run_id,
            force=tags.get(FORCE) == "true",
            verify=tags.get(VERIFY) == "true",
            boundary=boundary(planner.project),
            listener=self._tell,
            token=token,
            to_come=[unit_of(cell) for cell in cells],
        )

    def _tell(self, progress: Progress) -> None:
        self._told.append(progress)
        for listener in listeners:
            listener(progress)

    def _tell_lineage(self, context: dg.InitResourceContext) -> None:
        problem = tell_run(self._maker.planner, self._told, self._run_id)
        if problem is not None:
            warnings.append(problem)
            if context.log is not None:
                context.log.warning(problem)


def _needs_mlflow(asset: str) -> bool:
    unit = BY_NAME[asset.split("/")[1]].unit
    return unit is not None and unit.mlflow
