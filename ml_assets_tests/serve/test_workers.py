"""Several worker processes of the real command: one sum of figures, each follows by itself."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from ml_assets.children.ports import free_port
from ml_assets.store.access import add_key
from ml_assets_tests.processes import ROOT
from ml_assets_tests.projects import Toy
from ml_assets_tests.serve.serving import PREDICT
from ml_assets_tests.serve.test_following import promote, second

ASKED = json.dumps(
    {
        "rows": [{"sale": 7, "day": "2020-06-03", "store": "north", "promo": None}],
        "batch": "2020-06",
    }
)
PATIENCE = 60.0


@contextmanager
def workers(toy: Toy) -> Iterator[tuple[int, psutil.Process]]:
    """Serve with two workers; give the port and the process that started them."""
    port = free_port()
    words = ("-m", "ml_assets", "serve", "--workers", "2", "--port", str(port))
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, *words], cwd=toy.root, env=environ) as server:
        try:
            yield port, psutil.Process(server.pid)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


class Clients:
    """Connections of which each worker has some: a connection stays with its worker."""

    def __init__(self, port: int, server: psutil.Process) -> None:
        self._port, self._server = port, server

    def ask(self, **headers: str) -> dict[int, set[Any]]:
        """Return by worker what it answered with: a version, or a status that is not 200."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self._asked(headers)
            if len(found) == 2:
                return found
        pytest.fail("one worker gets no connections")

    def _asked(self, headers: dict[str, str]) -> dict[int, set[Any]]:
        clients = [http.client.HTTPConnection("127.0.0.1", self._port) for _ in range(16)]
        try:
            for client in clients:
                client.connect()
            given = {"Content-Type": "application/json", **headers}
            for client in clients:
                client.request("POST", PREDICT, ASKED, given)
            answers = {}
            for client in clients:
                answer = client.getresponse()
                body = json.loads(answer.read())
                answers[client.sock.getsockname()[1]] = body.get("version", answer.status)
            found: dict[int, set[Any]] = {}
            for child in self._server.children(recursive=True):
                for item in child.net_connections("tcp"):
                    if item.raddr and item.raddr.port in answers:
                        found.setdefault(child.pid, set()).add(answers[item.raddr.port])
            return found
        finally:
            for client in clients:
                client.close()

    def until(self, wanted: Any, **headers: str) -> None:
        """Wait until both workers answer so."""
        deadline = time.monotonic() + PATIENCE
        while any(answers != {wanted} for answers in self.ask(**headers).values()):
            assert time.monotonic() < deadline


@pytest.mark.slow
def test_each_worker_follows_and_any_tells_the_figures_of_all(promoted: Toy) -> None:
    second(promoted)
    promote(promoted, "v0")
    with workers(promoted) as (port, server):
        clients = Clients(port, server)
        _await(port)
        clients.until("v0")
        before = predicted(port)
        answers = sum(16 for _ in range(3) if clients._asked({}))
        assert {predicted(port) for _ in range(10)} == {before + answers}
        promote(promoted, "v1")
        clients.until("v1")
        key = add_key(promoted.planner().home, "boss", ["admin"])
        clients.until(401)
        assert clients.ask(Authorization=f"Bearer {key}").popitem()[1] == {"v1"}


@pytest.mark.slow
def test_service_workers_end_with_the_process_that_started_them(promoted: Toy) -> None:
    with workers(promoted) as (port, server):
        _await(port)
        started = server.children(recursive=True)
        assert len(started) >= 2
        server.kill()
        _, alive = psutil.wait_procs(started, PATIENCE)
        assert alive == []


def _await(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            client.request("GET", "/readyz")
            if client.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            client.close()
    pytest.fail("the service does not start")


def predicted(port: int) -> float:
    """Return the number of predicted rows that a worker tells."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request("GET", "/metrics")
    lines = client.getresponse().read().decode().splitlines()
    client.close()
    start = 'ml_assets_rows_total{model="forecast",protocol="native"} '
    return sum(float(line.removeprefix(start)) for line in lines if line.startswith(start))
