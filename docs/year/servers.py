"""The servers of the year as `ml-assets up` starts them, watched from outside.

Belongs here: starting them, waiting until the sensor has nothing left to do. Does not belong here:
what comes from outside (`world`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType

from ml_assets.cli.servers import HOST, serving
from ml_assets.graph.instance import open_instance
from ml_assets.workspace import Workspace

PATIENCE = 900.0
"""Seconds within which all that follows from a delivery must be done."""
IDLE = ("nothing to do", "no changes since the last check")
UNSETTLED = "still being written"
"""Stands in the reason of a tick that leaves a file to the next one."""


@dataclass
class Servers:
    """What is seen of running servers."""

    instance: dg.DagsterInstance
    dagster: str
    mlflow: str
    service: str
    said: list[str] = field(default_factory=list)
    """What the sensor's ticks said, without repetition."""

    def settled(self) -> float:
        """Wait until a tick that begins from now on finds nothing to do; return the seconds."""
        begun = time.time()

        def idle() -> bool:
            ticks = self._ticks()
            reasons = [t.skip_reason for t in ticks if t.skip_reason and t.timestamp > begun]
            self.said += [r for r in reversed(reasons) if r not in self.said]
            idle = [r for r in reasons if r.startswith(IDLE) and UNSETTLED not in r]
            return bool(idle) and self._quiet()

        until(idle, "the sensor to have nothing to do", self._state)
        return time.time() - begun

    def failures(self) -> list[str]:
        """Return the runs that failed."""
        failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])
        return [run.run_id for run in self.instance.get_runs(failed)]

    def runs(self) -> int:
        """Return how many runs there were."""
        return self.instance.get_runs_count()

    def _quiet(self) -> bool:
        return all(run.is_finished for run in self.instance.get_runs(limit=20))

    def _ticks(self) -> list[Any]:
        """Return the reconcile sensor's newest ticks."""
        states = self.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        for state in states:
            if state.instigator_name == "reconcile":
                where = state.instigator_origin_id, state.selector_id
                return list(self.instance.get_ticks(*where, limit=30))
        return []

    def _state(self) -> str:
        runs = [(run.run_id[:8], run.status.value) for run in self.instance.get_runs(limit=3)]
        return f"newest runs {runs}; the sensor said {self.said[-3:]}"


def until(
    what: Callable[[], Any],
    awaited: str,
    state: Callable[[], str] = str,
    patience: float = PATIENCE,
) -> Any:
    """Wait until something is true and return it; RuntimeError if it does not come."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.5)
    raise RuntimeError(f"waited {patience:.0f} s for {awaited}; {state()}")


@contextmanager
def running(workspace: Workspace, ports: tuple[int, int, int]) -> Iterator[Servers]:
    """Start Dagster with its sensor, MLflow and the service; end them all at the end."""
    servers = serving(workspace, ports[0], ports[1], (), ports[2])
    with servers, open_instance(workspace) as instance:
        dagster, mlflow, service = (f"http://{HOST}:{port}" for port in ports)
        yield Servers(instance, dagster, mlflow, service)
