"""A real server in this process, on a port of its own, and a client."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.access import Access, Rates
from ml_assets.serve.service.app import application
from ml_assets.serve.service.figures import Figures
from ml_assets.serve.service.followed import Followed, Follower
from ml_assets.serve.service.listening import settings
from ml_assets.serve.service.requests import Limits, Service
from ml_assets.serve.service.served import Served
from ml_assets.serve.service.traced import traced_here
from ml_assets.store.access import access_keys
from ml_assets_tests.projects import Toy

PREDICT = "/v1/models/forecast/predict"
LIMITS = Limits()


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as a JSON document."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """A client of one server."""

    port: int
    served: Served

    def ask(
        self, path: str, body: Any = None, kind: str = "application/json", **headers: str
    ) -> Answer:
        """Send a request: GET without a body, else POST."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        method = headers.pop("method", "GET" if data is None else "POST")
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, data, {"Content-Type": kind, **given})
            found = connection.getresponse()
            return Answer(found.status, dict(found.getheaders()), found.read())
        finally:
            connection.close()

    def until(self, wanted: str) -> None:
        """Wait until a version is served."""
        deadline = time.monotonic() + 30
        while self.ask("/readyz").json["models"]["forecast"]["version"] != wanted:
            assert time.monotonic() < deadline, f"{wanted} is not served"
            time.sleep(0.05)


@contextmanager
def serving(
    toy: Toy,
    limits: Limits = LIMITS,
    rates: Rates | None = None,
    logged: bool = False,
    hosts: Sequence[str] = ("localhost", "127.0.0.1"),
    proxies: Sequence[str] = (),
) -> Iterator[Client]:
    """Serve the model of the toy project."""
    planner = toy.planner()
    home = toy.workspace().open_home()
    followed = Followed(home, planner.project, "forecast")
    figures = Figures()
    recorder = Recorder.of(
        home, planner.project, ["forecast"], lambda name: figures.unlogged.labels(name).inc()
    )
    access = Access(partial(access_keys, home))
    access.look()
    service = Service({"forecast": followed}, figures, limits, recorder)
    follower = Follower([followed], 0.05, access)
    try:
        trace = partial(traced_here, home, planner.project)
        app = application(service, follower, access, hosts, rates=rates, logged=logged, trace=trace)
        with listening(app, followed, proxies) as client:
            yield client
    finally:
        home.close()


@contextmanager
def running(models: Sequence[Served]) -> Iterator[Client]:
    """Serve models without a home."""
    service = Service({model.name: model for model in models}, Figures())
    app = application(service, Follower(()), Access(list, unguarded=True))
    with listening(app, models[0]) as client:
        yield client


@contextmanager
def listening(app: FastAPI, served: Served, proxies: Sequence[str] = ()) -> Iterator[Client]:
    """Run an application."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, **settings(proxies)))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Client(server.servers[0].sockets[0].getsockname()[1], served)
    finally:
        server.should_exit = True
        thread.join()
