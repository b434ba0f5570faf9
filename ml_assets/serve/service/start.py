"""The application of one worker process, made from what the process that starts it says.

Belongs here: opening the home, reading the specs. Does not belong here: routes.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.access import Access, Rates
from ml_assets.serve.service.app import application
from ml_assets.serve.service.figures import Figures
from ml_assets.serve.service.followed import Followed, Follower
from ml_assets.serve.service.requests import Limits, Service
from ml_assets.spec.project import read_valid
from ml_assets.store.access import access_keys
from ml_assets.workspace import locate

SAID = "ML_ASSETS_SERVE"
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Prometheus' client reads it as it is imported."""


@dataclass(frozen=True)
class Asked:
    """What a worker must know."""

    models: list[str]
    hosts: list[str]
    unguarded: bool
    logged: bool
    rate: float | None
    """Requests a second of one client."""
    most_bytes: int
    most_rows: int


def said(asked: Asked) -> str:
    """Return what a worker must know, as the environment variable's value."""
    return json.dumps(asdict(asked))


def create() -> FastAPI:
    """Return the application that the environment asks for."""
    logging.getLogger("ml_assets.serve").setLevel(logging.INFO)
    asked = Asked(**json.loads(os.environ[SAID]))
    workspace = locate()
    home = workspace.open_home()
    project, _ = read_valid(workspace.defs)
    models = [Followed(home, project, name) for name in asked.models]
    shared = os.environ.get(SHARED)
    figures = Figures(None if shared is None else Path(shared))
    recorder = Recorder.of(
        home, project, asked.models, lambda name: figures.unlogged.labels(name).inc()
    )
    limits = Limits(bytes=asked.most_bytes, rows=asked.most_rows)
    service = Service({model.name: model for model in models}, figures, limits, recorder)
    access = Access(partial(access_keys, home), asked.unguarded)
    access.look()
    rates = None if asked.rate is None else Rates(asked.rate)
    follower = Follower(models, keys=access)
    return application(service, follower, access, asked.hosts, rates=rates, logged=asked.logged)
