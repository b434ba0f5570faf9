"""The resource with which steps make units; it is opened once in a run, under the writer lock."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import psutil

from ml_assets.adapters.mlflow.process import Publisher
from ml_assets.adapters.openlineage import tell_run
from ml_assets.assets.cells import Cell, Unit, unit_of
from ml_assets.assets.edges import entry_of
from ml_assets.assets.registry import made_by
from ml_assets.engine.make import Listener, Maker, Progress
from ml_assets.engine.plan import Planner
from ml_assets.engine.run import Begun
from ml_assets.graph.boundary import boundary
from ml_assets.graph.keys import asset_of
from ml_assets.graph.workers import beside
from ml_assets.spec.project import Project
from ml_assets.store.lock import writer
from ml_assets.store.processes import record_process
from ml_assets.workspace import locate

FORCE, VERIFY, TOKEN = "ml_assets/force", "ml_assets/verify", "ml_assets/token"
PATIENCE = 3600.0
"""How many seconds a run launched by the daemon waits for another writer."""


@dataclass
class Caller:
    """What a command and the runs in its process share."""

    listeners: Sequence[Listener] = ()
    """The functions that are called with progress."""
    begun: Begun | None = None
    """Is told what is being made."""
    todo: Sequence[Cell] = ()
    """The cells of the command's plan that its workers should make."""
    project: Project | None = None
    """The specs, without those that a command left out; by default all are read anew."""
    warnings: list[str] = field(default_factory=list)
    """Warnings of runs that could not be shown elsewhere."""


class Engine:
    """Makes the units of one run."""

    def __init__(
        self, planner: Planner, run: dg.DagsterRun | None, caller: Caller, open_: ExitStack
    ) -> None:
        self._run_id = run.run_id if run is not None else None
        self._caller = caller
        self._progress: list[Progress] = []
        self._publisher = open_.enter_context(closing(Publisher(planner.workspace)))
        self.maker = self._maker(planner, run, open_)

    def publish(self, model: str) -> dict[str, Any]:
        """Publish a model's candidate to MLflow; raises PublishError."""
        return self._publisher.publish(model, self._run_id)

    def show_log(self, model: str) -> None:
        """Publish a model's promotion log to MLflow; raises PublishError."""
        self._publisher.show_log(model)

    def send_lineage(self) -> str | None:
        """Send the results as OpenLineage events; return why that failed, if it did."""
        problem = tell_run(self.maker.planner, self._progress, self._run_id)
        if problem is not None:
            self._caller.warnings.append(problem)
        return problem

    def _maker(self, planner: Planner, run: dg.DagsterRun | None, open_: ExitStack) -> Maker:
        """Return the maker of a run, after starting its workers."""
        tags = dict(run.tags) if run is not None else {}
        keys = run.asset_selection if run is not None else None
        chosen = {asset_of(key) for key in keys or ()}
        again = FORCE in tags or VERIFY in tags
        token = tags.get(TOKEN, "")
        cells = list(self._caller.todo)
        if not token and not again:
            cells = [i.cell for i in planner.plan(look=False).todo if i.cell.asset in chosen]
            token = open_.enter_context(beside(planner, cells))
        self._publishes = any(_needs_mlflow(asset) for asset in chosen)
        return Maker(
            planner,
            self._run_id,
            force=tags.get(FORCE) == "true",
            verify=tags.get(VERIFY) == "true",
            boundary=boundary(planner.project),
            listener=self._follow,
            begun=self._begin,
            token=token,
            to_come=[unit_of(cell) for cell in cells],
        )

    def _begin(self, unit: Unit, part: str) -> None:
        if self._publishes and made_by(unit.kind)[0].owner == "model":
            # Its imports take seconds, which overlap with training.
            self._publisher.start()
            self._publishes = False
        if self._caller.begun is not None:
            self._caller.begun(unit, part)

    def _follow(self, progress: Progress) -> None:
        self._progress.append(progress)
        for listener in self._caller.listeners:
            listener(progress)


def engine_resource(caller: Caller) -> dg.ResourceDefinition:
    """Return the resource `engine`, which opens the home and holds the lock during a run."""

    @dg.resource(description="Makes units, under the lock of the home and environment in use.")
    @contextmanager
    def engine(context: dg.InitResourceContext) -> Iterator[Engine]:
        workspace = locate()
        home = workspace.open_home()
        run = context.run
        if run is not None:
            started = psutil.Process().create_time()
            record_process(home, run.run_id, socket.gethostname(), os.getpid(), started)
        holder = f"run {None if run is None else run.run_id}"
        made: Engine | None = None
        try:
            with writer(home.writer_lock(), holder, patience=PATIENCE), ExitStack() as open_:
                made = Engine(Planner(workspace, home, caller.project), run, caller, open_)
                yield made
        finally:
            # The receiver may be slow, so others may write in the meantime.
            problem = made.send_lineage() if made is not None else None
            if problem is not None and context.log is not None:
                context.log.warning(problem)
            home.close()

    return engine


def _needs_mlflow(asset: str) -> bool:
    unit = entry_of(asset).unit
    return unit is not None and unit.mlflow
