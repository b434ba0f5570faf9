"""The application of one worker process, made from what the process that starts it says.

Belongs here: opening the home or bundles, reading the specs. Does not belong here: routes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.access import Access, Rates
from ml_assets.serve.service.app import application
from ml_assets.serve.service.asked import SAID, SHARED, Asked, heard
from ml_assets.serve.service.bundled import served_of
from ml_assets.serve.service.figures import Figures
from ml_assets.serve.service.followed import Followed, Follower
from ml_assets.serve.service.requests import Limits, Service
from ml_assets.serve.service.served import Served
from ml_assets.spec.project import read_valid
from ml_assets.store.access import access_keys
from ml_assets.workspace import locate


def create() -> FastAPI:
    """Return the application that the environment asks for."""
    logging.getLogger("ml_assets.serve").setLevel(logging.INFO)
    asked = heard(os.environ[SAID])
    shared = os.environ.get(SHARED)
    figures = Figures(None if shared is None else Path(shared))
    models, recorder, follower, access = _parts(asked, figures)
    limits = Limits(bytes=asked.most_bytes, rows=asked.most_rows)
    service = Service({model.name: model for model in models}, figures, limits, recorder)
    rates = None if asked.rate is None else Rates(asked.rate)
    return application(service, follower, access, asked.hosts, rates=rates, logged=asked.logged)


def _parts(asked: Asked, figures: Figures) -> tuple[Sequence[Served], Recorder, Follower, Access]:
    """Return the models, what writes requests down, what follows champions, and the keys."""
    if asked.bundles is not None:
        # Nothing but a home has access keys or keeps requests.
        return served_of(asked.bundles), Recorder({}), Follower(()), Access(list, unguarded=True)
    workspace = locate()
    home = workspace.open_home()
    project, _ = read_valid(workspace.defs)
    models = [Followed(home, project, name) for name in asked.models]
    recorder = Recorder.of(
        home, project, asked.models, lambda name: figures.unlogged.labels(name).inc()
    )
    access = Access(partial(access_keys, home), asked.unguarded)
    access.look()
    return models, recorder, Follower(models, keys=access), access
