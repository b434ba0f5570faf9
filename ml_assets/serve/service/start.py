"""The application of one service worker, made from what the process that starts it says.

Belongs here: opening the home or bundles, reading the specs. Does not belong here: routes.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from fastapi import FastAPI

from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.access import Access, Rates
from ml_assets.serve.service.app import application
from ml_assets.serve.service.bundled import served_of
from ml_assets.serve.service.figures import Figures
from ml_assets.serve.service.followed import Followed, Follower
from ml_assets.serve.service.monitored import monitored
from ml_assets.serve.service.requests import Limits, Service
from ml_assets.serve.service.served import Served
from ml_assets.serve.service.traced import Trace, traced_here
from ml_assets.serve.service.worker_settings import SETTINGS, SHARED, Bundles, WorkerSettings
from ml_assets.spec.project import read_valid
from ml_assets.store.access import access_keys
from ml_assets.store.key_file import keys_in
from ml_assets.workspace import locate


def create() -> FastAPI:
    """Return the application that the environment asks for."""
    logging.getLogger("ml_assets.serve").setLevel(logging.INFO)
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        threading.Thread(target=_end_after, args=(supervisor,), daemon=True).start()
    settings = WorkerSettings.load(os.environ[SETTINGS])
    shared = os.environ.get(SHARED)
    figures = Figures(None if shared is None else Path(shared))
    parts = _parts(settings, figures)
    limits = Limits(bytes=settings.most_bytes, rows=settings.most_rows)
    by_name = {model.name: model for model in parts.models}
    service = Service(by_name, figures, limits, parts.recorder, parts.reports)
    rates = None if settings.rate is None else Rates(settings.rate)
    return application(
        service,
        parts.follower,
        parts.access,
        settings.hosts,
        rates=rates,
        logged=settings.logged,
        trace=parts.trace,
    )


def _end_after(supervisor: BaseProcess) -> None:
    """End once the process that starts the workers has, even if it was killed."""
    supervisor.join()
    os.kill(os.getpid(), signal.SIGTERM)


@dataclass(frozen=True)
class Parts:
    """What a service is made of."""

    models: Sequence[Served]
    recorder: Recorder
    """Writes requests down."""
    follower: Follower
    access: Access
    reports: Callable[[], bytes]
    """Reads the figures of monitoring reports."""
    trace: Trace | None = None
    """Follows a prediction, where there is a home to follow it in."""


def _parts(settings: WorkerSettings, figures: Figures) -> Parts:
    """Return the parts of the service that these settings describe."""
    if settings.bundles is not None:
        # Nothing but a home keeps requests.
        access = _access_to(settings.bundles)
        served = served_of(settings.bundles)
        return Parts(served, Recorder({}), Follower((), keys=access), access, bytes)
    workspace = locate()
    home = workspace.open_home()
    project, _ = read_valid(workspace.defs, home.claims.read)
    models = [Followed(home, project, name) for name in settings.models]
    recorder = Recorder.of(
        home, project, settings.models, lambda name: figures.unlogged.labels(name).inc()
    )
    access = Access(partial(access_keys, home), settings.unguarded)
    access.look()
    reports = partial(monitored, home, project, settings.models)
    trace = partial(traced_here, home, project)
    return Parts(models, recorder, Follower(models, keys=access), access, reports, trace)


def _access_to(bundles: Bundles) -> Access:
    """Return who may ask for what bundles predict: anyone, or the keys of a file."""
    if bundles.keys is None:
        return Access(list, unguarded=True)
    access = Access(partial(keys_in, Path(bundles.keys)))
    access.look()
    return access
