"""What is written down of each reply, for every model of a service.

Belongs here: what a record holds, the thread that has the disk keep it. Does not belong here: the
columns of the sealed day (`spec/requests_dataset`), HTTP.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_assets import clock
from ml_assets.serve.answers import Answers
from ml_assets.serve.recording.ids import new_id, share
from ml_assets.serve.recording.log import Full, RequestLog
from ml_assets.serve.recording.rows import Kept, answers_of, rows_of, written
from ml_assets.spec.project import Project
from ml_assets.spec.requests_dataset import requests_name
from ml_assets.store.home import Home
from ml_assets.store.pseudonyms import pseudonyms_of
from ml_assets.store.segments import BESIDE, Writer, folder_of

Lost = Callable[[str], None]
"""Called with the model whose request was not kept, since there is no room."""
EVERY = 1.0
"""Seconds after which the disk is to have what was written."""
_compact = json.JSONEncoder(separators=(",", ":")).encode
_readable = json.JSONEncoder(ensure_ascii=False).encode
log = logging.getLogger("ml_assets.serve")


@dataclass(frozen=True)
class Answered:
    """One answered request."""

    version: int
    protocol: str
    given: Any
    """Rows as a list of mappings, or a source."""
    answer: Answers
    """The whole of it (`stages/score/answer`)."""
    begin: float
    """When it was read, by `time.perf_counter`."""
    batch: str | None = None
    features: bool = False
    hidden: bool = False
    """Whether a column is sensitive, so that features may be."""


@dataclass(frozen=True)
class Noted:
    """A request that has its id."""

    id: str
    segment: Writer | None
    """Where it was written down; None if it was not."""


@dataclass(frozen=True)
class ModelLog:
    """The log of one model, and what it keeps of a row."""

    log: RequestLog
    kept: Kept

    def record(self, request: uuid.UUID, moment: datetime, answered: Answered) -> bytes:
        """Return the record of a request."""
        rows = rows_of(answered.given)
        return _compact(
            {
                "id": str(request),
                "at": moment.isoformat(timespec="microseconds"),
                "version": f"v{answered.version}",
                "protocol": answered.protocol,
                "seconds": round(time.perf_counter() - answered.begin, 6),
                "batch": answered.batch,
                "weight": 1 / self.log.requests.sample,
                **_given(rows, answered, self.kept),
                "answers": answers_of(answered.answer),
            }
        ).encode()


def _given(rows: Any, answered: Answered, kept: Kept) -> dict[str, Any]:
    if not answered.features:
        return {"rows": [kept.row(row) for row in rows]}
    if answered.hidden:
        return {"features": [None for _ in rows]}
    each = [{name: written(value) for name, value in row.items()} for row in rows]
    return {"features": [_readable(row) for row in each]}


class Recorder:
    """The logs of a service, by model; models without one are answered all the same."""

    def __init__(
        self, logs: Mapping[str, ModelLog], lost: Lost = lambda _: None, every: float = EVERY
    ) -> None:
        self.logs = logs
        self._lost = lost
        self._every = every
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="recorder", daemon=True)

    @classmethod
    def of(
        cls, home: Home, project: Project, models: Sequence[str], lost: Lost = lambda _: None
    ) -> Recorder:
        """Return the recorder of models in an environment; `lost` is told of what is not kept.

        RequestError where a secret is needed and is not there.
        """
        logs = {}
        home.folder.mkdir(parents=True, exist_ok=True)
        for name in models:
            spec = project.models[name]
            if spec.requests is None:
                continue
            main, made = project.datasets[spec.dataset], project.datasets[requests_name(name)]
            kept = Kept.of(main, made, None)
            if kept.hashed:
                kept = Kept.of(main, made, pseudonyms_of(home))
            logs[name] = ModelLog(RequestLog(folder_of(home.folder, name), spec.requests), kept)
        return cls(logs, lost)

    def record(self, model: str, answered: Answered) -> Noted | None:
        """Write a request down and return it with its id; None without a log.

        Full where there is no room and the spec says that it is not answered then.
        """
        recording = self.logs.get(model)
        if recording is None:
            return None
        moment = clock.now()
        request = new_id(round(moment.timestamp() * 1e9))
        segment = None
        if share(request) < recording.log.requests.sample:
            try:
                record = recording.record(request, moment, answered)
                segment = recording.log.append(record, moment)
            except Full:
                self._lost(model)
                if recording.log.requests.on_full == "refuse":
                    raise
        return Noted(str(request), segment)

    def record_beside(
        self,
        model: str,
        request: str,
        segment: Writer,
        version: int,
        seconds: float,
        answer: Answers,
    ) -> None:
        """Write down what a version says of the rows of a request that another answered.

        It stands in the segment of the request. Full if that has ended, or there is no room.
        """
        document = {
            BESIDE: request,
            "version": f"v{version}",
            "seconds": round(seconds, 6),
            "answers": answers_of(answer),
        }
        self.logs[model].log.append_beside(_compact(document).encode(), segment)

    def said(self, model: str) -> dict[str, str | None]:
        """Return why requests of a model are not kept, if they are to be."""
        recording = self.logs.get(model)
        return {} if recording is None else {"requests_not_kept": recording.log.why}

    def refuses(self) -> bool:
        """Return whether a model does not answer, since its requests cannot be kept."""
        return any(
            recording.log.why is not None and recording.log.requests.on_full == "refuse"
            for recording in self.logs.values()
        )

    def start(self) -> None:
        """Begin to have the disk keep what is written."""
        self._look()
        self._thread.start()

    def stop(self) -> None:
        """End all segments."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        for recording in self.logs.values():
            recording.log.close()

    def _tick(self) -> None:
        while not self._stopped.wait(self._every):
            self._look()

    def _look(self) -> None:
        for recording in self.logs.values():
            try:
                recording.log.tick(clock.now())
            except OSError as error:
                log.warning("the requests in %s: %s", recording.log.folder, error.strerror)
