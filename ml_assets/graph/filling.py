"""The process of a run that fills the action cache from a Dask cluster, as `workers` starts it.

It writes nothing but the cache; only the run makes results current and publishes them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ml_assets.engine.plan import Planner, units
from ml_assets.engine.run import ActionRunner
from ml_assets.engine.runners.cluster import Cluster, connect, look
from ml_assets.engine.runners.filler import Filler
from ml_assets.engine.runners.ready import Ready
from ml_assets.engine.runners.task import Tasks
from ml_assets.graph.boundary import boundary
from ml_assets.keys.code import Sources
from ml_assets.keys.libraries import environment
from ml_assets.spec.project import read_valid
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace, locate

LIBRARIES = ("lightgbm", "numpy", "pandas", "pyarrow", "sklearn")
"""What nearly every action depends on; each task names the rest."""
log = logging.getLogger("ml_assets.dask")


def answering(defs: str, address: str) -> Callable[[Any], Any]:
    """Return the function that connects, and then fills.

    It raises HomeError where the scheduler cannot be used.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    process = _Filling(Path(defs), address)
    return process.answer


class _Filling:
    def __init__(self, defs: Path, address: str) -> None:
        self._defs, self._address = defs, address
        self._cluster: Cluster | None = None
        self._here: tuple[Workspace, Home] | None = None

    def answer(self, request: Mapping[str, Any]) -> Any:
        """Connect and return what the cluster is like; or, with `cells`, fill the cache."""
        if self._here is None:
            workspace = locate(self._defs)
            self._here = workspace, workspace.open_home()
        workspace, home = self._here
        if "cells" not in request:
            self._cluster = self._reached(home)
            return {
                "workers": self._cluster.usable(),
                "refused": self._cluster.refused,
                "dashboard": self._cluster.client.dashboard_link,
            }
        assert self._cluster is not None
        # What a command left out is not among the cells that it wants.
        project, _ = read_valid(workspace.defs, home.claims.read)
        planner, sources = Planner(workspace, home, project), Sources(workspace.roots)
        runner = ActionRunner(
            workspace,
            home,
            sources,
            boundary=boundary(project),
            token=request["token"],
            project=project,
        )
        wanted = set(request["cells"])
        session = planner.session()
        mine = [u for u in units(session) if wanted & {str(cell) for cell in u.cells()}]
        ready = Ready(planner, mine)
        filler = Filler(
            home,
            ready,
            runner,
            Tasks(workspace, home, session.sources),
            self._cluster,
            request["token"],
            lambda: self._reached(home),
        )
        filler.run()
        log.info("Dask workers made %d actions, %d looks at units", filler.made, ready.looks)
        return {"made": filler.made, "looks": ready.looks}

    def _reached(self, home: Home) -> Cluster:
        cluster = connect(self._address)
        # It also connects again, by itself, and fails as ours begins; what is lost the filler says.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        probe = home.objects.put(b"Can these objects be read from here?").digest
        file = home.objects.recorded([probe])[probe]
        look(cluster, environment(LIBRARIES), (home.objects.shown, probe, file))
        for worker, why in cluster.refused.items():
            log.warning("Dask worker %s is not used: %s", worker, why)
        return cluster
