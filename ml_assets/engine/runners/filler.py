"""Fills the action cache from a Dask cluster, beside the run, which finds there what it needs.

The lock of each action that is under way is held here, so that the run waits for it; if this
process ends, it makes the action itself. Belongs here: the order of events. Does not belong here:
which actions are ready (`ready`), Dask's own matters (`cluster`).
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ml_assets.assets.cells import Unit
from ml_assets.engine.run import ActionRunner, Outputs
from ml_assets.engine.runners import remote
from ml_assets.engine.runners.cluster import PATIENCE, Cluster, Lost
from ml_assets.engine.runners.memory import shown
from ml_assets.engine.runners.ready import Ready
from ml_assets.engine.runners.task import Tasks
from ml_assets.errors import DamagedObject, HomeError, HookError, StageError
from ml_assets.keys.action import Keyed
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import Answer

ROOM = 2
"""Tasks sent for each thread of the workers, so that none waits for the next."""
TICK = 0.2
"""Seconds between looks at actions that other processes run."""
ATTEMPTS = 3
WITHOUT = 60.0
"""Seconds without a usable worker after which the run goes on alone."""
log = logging.getLogger("ml_assets.dask")


@dataclass
class _Flight:
    """An action that a worker runs, and the lock that says so."""

    unit: Unit
    item: Keyed
    place: int
    lock: ExitStack
    future: Any = None
    attempt: int = 0
    replace: bool = False
    limit: int = 0
    """Bytes of memory that were not enough for it."""
    workers: Sequence[str] = ()
    """The Dask workers of which one may run it; any if there are none."""


class Filler:
    """Runs what is ready on a cluster, and records the results."""

    def __init__(
        self,
        home: Home,
        ready: Ready,
        runner: ActionRunner,
        tasks: Tasks,
        cluster: Cluster,
        token: str,
        again: Callable[[], Cluster],
    ) -> None:
        self._home, self._ready, self._runner, self._tasks = home, ready, runner, tasks
        self._cluster, self._token, self._reconnect = cluster, token, again
        self._queue: list[tuple[Unit, Keyed, int]] = []
        self._flying: dict[str, _Flight] = {}
        self._elsewhere: set[str] = set()
        """Actions that another process is running."""
        self._events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.made = 0
        """Actions that workers made."""

    def run(self) -> None:
        """Fill the cache until nothing is ready, under way, or run by another process."""
        seen = time.monotonic()
        try:
            while True:
                try:
                    self._queue += self._ready.take()
                    room = ROOM * sum(self._cluster.usable().values())
                    self._submit(room)
                    if not (self._queue or self._flying or self._elsewhere):
                        return
                    if room:
                        seen = time.monotonic()
                    elif time.monotonic() - seen > WITHOUT:
                        log.warning("no Dask worker of %s can be used: %s", *self._why())
                        return
                    self._wait()
                except Lost:
                    self._lost()
        finally:
            # First the locks: the run waits for them.
            for flight in self._flying.values():
                flight.lock.close()
            for flight in self._flying.values():
                if flight.future is not None:
                    flight.future.cancel()

    def _why(self) -> tuple[str, str]:
        said = "; ".join(f"{name}: {why}" for name, why in self._cluster.refused.items())
        return self._cluster.address, said or "it has none"

    def _wait(self) -> None:
        try:
            key, future = self._events.get(timeout=TICK)
        except queue.Empty:
            self._look_elsewhere()
            if self._gone():
                self._lost()
            else:
                self._look_abandoned()
            return
        flight = self._flying.get(key)
        if flight is not None and flight.future is future:
            self._finished(key, flight)

    def _gone(self) -> bool:
        return self._cluster.client.status not in ("running", "connecting")

    def _submit(self, room: int) -> None:
        while self._queue and len(self._flying) < room:
            unit, item, place = self._queue.pop(0)
            key = item.key
            lock = ExitStack()
            mine = lock.enter_context(self._home.locks.hold(key, wait=False))
            answer, whole = self._answer(key)
            if whole and answer is not None:
                lock.close()
                self._ready.done(key, answer)
                self._queue += self._ready.take()
            elif not mine:
                lock.close()
                self._elsewhere.add(key)
            else:
                replace = answer is not None
                self._flying[key] = _Flight(unit, item, place, lock, replace=replace)
                self._send(self._flying[key])

    def _answer(self, key: str) -> tuple[Answer | None, bool]:
        """Return an action's record, and whether all its outputs are there."""
        answer = self._home.records.answer(key)
        if answer is None:
            return None, False
        digests = [ref.digest for ref in answer.outputs.values()]
        return answer, not self._home.objects.missing(digests)

    def _send(self, flight: _Flight) -> None:
        key = flight.item.key
        try:
            task = self._tasks.task(flight.item)
        except (DamagedObject, HookError, StageError) as error:
            self._left(flight, str(error))
            return
        if flight.limit:
            flight.workers = self._cluster.larger(flight.limit)
            if not flight.workers:
                self._left(flight, f"no Dask worker has more memory than {shown(flight.limit)}")
                return
        else:
            flight.workers = list(self._cluster.usable())
        flight.attempt += 1
        future = self._cluster.client.submit(
            remote.run,
            task,
            # With the attempt: Dask would answer an old key with the old result.
            key=f"{flight.item.action.part}-{key[-16:]}-{self._token[:8]}-{flight.attempt}",
            workers=flight.workers or None,
            priority=-flight.place,
            pure=False,
        )
        flight.future = future
        future.add_done_callback(lambda done: self._events.put((key, done)))

    def _finished(self, key: str, flight: _Flight) -> None:
        future = flight.future
        if future.status in ("cancelled", "lost"):
            # A scheduler that was started again knows nothing of it.
            if self._gone():
                self._lost()
            else:
                self._retry(flight, "the scheduler forgot it")
            return
        if future.status == "error":
            self._retry(flight, repr(future.exception()))
            return
        try:
            said: Mapping[str, Any] = future.result()
        except Exception as error:
            self._retry(flight, repr(error))
            return
        future.release()
        if "refused" in said:
            self._refused(flight, said)
        elif "ended" in said:
            flight.limit = said.get("limit", flight.limit)
            self._retry(flight, f"its process on {said['worker']} ended: {said['ended']}")
        elif "error" in said:
            self._left(flight, said["error"])
        else:
            self._record(key, flight, said)

    def _record(self, key: str, flight: _Flight, said: Mapping[str, Any]) -> None:
        try:
            outputs = {
                name: self._home.objects.adopt(Ref(o["digest"], o["kind"], o["rows"]), *o["file"])
                for name, o in said["outputs"].items()
            }
            made = Outputs(outputs, said["checks"], said["facts"], said["seconds"], said["machine"])
            done = self._runner.record(flight.unit, flight.item, made, replace=flight.replace)
        except Exception as error:
            self._left(flight, str(error))
            return
        self._flying.pop(key)
        flight.lock.close()
        self.made += 1
        self._ready.done(key, done.record)

    def _refused(self, flight: _Flight, said: Mapping[str, Any]) -> None:
        """Send an action elsewhere, and nothing more to the worker that refused it."""
        log.warning("%s refused %s: %s", said["worker"], flight.unit, said["refused"])
        self._cluster.refused[said["worker"]] = said["refused"]
        self._retry(flight, said["refused"])

    def _retry(self, flight: _Flight, why: str) -> None:
        if flight.attempt >= ATTEMPTS:
            self._left(flight, why)
            return
        log.warning("%s %s is sent again: %s", flight.unit, flight.item.action.part, why)
        self._send(flight)

    def _left(self, flight: _Flight, why: str) -> None:
        """Leave an action to the run, which meets the same fault itself, and reports it."""
        log.warning("%s %s is left to the run: %s", flight.unit, flight.item.action.part, why)
        self._flying.pop(flight.item.key, None)
        flight.lock.close()
        self._ready.failed(flight.item.key)

    def _look_elsewhere(self) -> None:
        for key in list(self._elsewhere):
            answer, whole = self._answer(key)
            if whole and answer is not None:
                self._elsewhere.discard(key)
                self._ready.done(key, answer)
                continue
            with self._home.locks.hold(key, wait=False) as mine:
                if mine:
                    # Whoever ran it failed: the run reports it.
                    answer, whole = self._answer(key)
                    self._elsewhere.discard(key)
                    if whole and answer is not None:
                        self._ready.done(key, answer)
                    else:
                        self._ready.failed(key)

    def _look_abandoned(self) -> None:
        """Send again what would wait for ever: for a client or Dask workers that are gone."""
        here = self._cluster.usable()
        for flight in list(self._flying.values()):
            if flight.future is None:
                self._retry(flight, "the scheduler was started again")
            elif here and flight.workers and not here.keys() & set(flight.workers):
                flight.future.cancel()
                self._retry(flight, "the Dask workers that could run it are gone")

    def _lost(self) -> None:
        """Begin anew after the connection to the scheduler was lost.

        HomeError if it does not answer any more: the run then makes the rest.
        """
        log.warning("the connection to %s was lost", self._cluster.address)
        # Futures are their client's, and end with it.
        for flight in self._flying.values():
            flight.future = None
        self._cluster.close()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._cluster = self._reconnect()
            except HomeError:
                # One that is ending or starting refuses at once.
                if time.monotonic() > deadline:
                    raise
                time.sleep(TICK)
            else:
                return
