"""The other version of a trial scores what one of champion and challenger has answered.

Belongs here: when, in a thread of its own, and what becomes of failures: they are counted, and no
request waits for them or fails. Does not belong here: which version answers (`served`), the log.

Requests come first: the thread waits while one is being worked on, though not for ever; a service
that is never idle scores a few requests a second beside, and is about as quick as without a trial.
What there is no room for is left out and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ml_assets.serve.answers import Answers
from ml_assets.serve.model import LoadedVersion, Predictor, rows_spec
from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.figures import Figures
from ml_assets.spec.score import RowsSpec
from ml_assets.store.segments import Writer

JOBS = 1000
"""Requests that wait at most."""
QUIET, PATIENCE = 2.0, 9.0
"""How long there must be no request before one is scored, in times of what the last request took;
and how long that is waited for, in times of what it took to score the last. A service that is never
quiet so spends about a tenth of its time."""
LEAST = 0.01
"""Seconds of both at least."""
log = logging.getLogger("ml_assets.serve")


@dataclass(frozen=True)
class Job:
    """The rows of one answered request, to be scored by a version that did not answer."""

    model: str
    request: str
    """Its id."""
    segment: Writer
    """Where it was written down."""
    predictor: Predictor
    state: LoadedVersion
    reading: Callable[[RowsSpec], Any]
    features: bool
    batch: str | None
    rows: int
    size: int
    """Bytes of the body."""


class Beside:
    """Scores in the background; what waits has at most so many rows and bytes."""

    def __init__(self, recorder: Recorder, figures: Figures, rows: int, size: int) -> None:
        self._recorder = recorder
        self._figures = figures
        self._most = (rows, size)
        self._jobs: deque[Job] = deque()
        self._rows = self._size = self._working = self._begun = 0
        self._answering = self._scoring = 0.0
        """Seconds that the last request took, and the last that was scored beside."""
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)

    def start(self) -> None:
        """Begin to score."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the request that is being scored; those that wait are left out."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    @contextmanager
    def first(self) -> Iterator[None]:
        """Have the thread wait while a request is being worked on."""
        begin = time.monotonic()
        with self._changed:
            self._working += 1
            self._begun += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._answering = time.monotonic() - begin

    def offer(self, job: Job) -> None:
        """Have a request scored later, or left out if there is no room."""
        with self._changed:
            rows, size = self._rows + job.rows, self._size + job.size
            room = rows <= self._most[0] and size <= self._most[1] and len(self._jobs) < JOBS
            if room:
                self._rows, self._size = rows, size
                self._jobs.append(job)
                self._changed.notify_all()
        if not room:
            self._figures.beside.labels(job.model, "left_out").inc(job.rows)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or self._jobs)
                self._await_quiet(time.monotonic() + max(PATIENCE * self._scoring, 5 * LEAST))
                if self._stopped:
                    return
                job = self._jobs.popleft()
            try:
                self._score(job)
                self._figures.beside.labels(job.model, "scored").inc(job.rows)
            except Exception as error:
                # A family or a function of the project's own may raise anything.
                self._figures.beside.labels(job.model, "failed").inc(job.rows)
                # Its text may quote a value of a row.
                version = f"v{job.state.version}"
                log.warning("%s %s failed beside: %s", job.model, version, type(error).__name__)
            finally:
                with self._changed:
                    self._rows -= job.rows
                    self._size -= job.size

    def _await_quiet(self, deadline: float) -> None:
        """Wait until no request has come for a moment, or until a time."""
        while not self._stopped and time.monotonic() < deadline:
            begun = self._begun
            self._changed.wait(max(QUIET * self._answering, LEAST))
            if not self._working and self._begun == begun:
                return

    def _score(self, job: Job) -> None:
        begin = time.perf_counter()
        given = job.reading(rows_spec(job.state, job.features))
        rows = job.predictor.read(job.state, given, features=job.features)
        predicted = job.predictor.predicted(job.state, rows, features=job.features, batch=job.batch)
        answer = Answers(table=job.state.scorer.answer(len(rows.lines), predicted))
        seconds = self._scoring = time.perf_counter() - begin
        self._figures.beside_seconds.labels(job.model).observe(seconds)
        self._recorder.record_beside(
            job.model, job.request, job.segment, job.state.version, seconds, answer
        )
