"""A service whose Postgres or object store is away for a while, with real processes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from ml_assets.children.ports import free_port
from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.projects import prices, sales
from ml_assets_tests.serve.serving import PREDICT
from ml_assets_tests.shared import Cluster, postgres, s3

pytestmark = pytest.mark.slow
ROW = {"sale": 7, "day": "2020-05-03", "store": "north", "promo": True}
PATIENCE = 120


def ask(port: int, path: str, body: Any = None) -> tuple[int, Any]:
    """Return status and document of an answer."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        data = None if body is None else json.dumps(body)
        method, kind = "GET" if data is None else "POST", {"Content-Type": "application/json"}
        client.request(method, path, data, kind)
        found = client.getresponse()
        return found.status, json.loads(found.read())
    finally:
        client.close()


@contextmanager
def unreachable(cluster: Cluster) -> Iterator[None]:
    """Have nobody reach the server, and end the connections that there are."""
    socket = cluster.folder / f".s.PGSQL.{cluster.port}"
    away = socket.with_name("away")
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with psycopg.connect(cluster._conninfo("postgres"), autocommit=True) as db:
        socket.rename(away)
        db.execute(f"{ended} AND backend_type = 'client backend'".encode())
    yield
    away.rename(socket)


@contextmanager
def stopped(cluster: Cluster) -> Iterator[None]:
    """Have the server take connections and answer nothing."""
    (number,) = (cluster.folder / "data" / "postmaster.pid").read_text().splitlines()[:1]
    server = psutil.Process(int(number))
    with paused([server, *server.children(recursive=True)]):
        yield


@contextmanager
def store_stopped(_: Cluster) -> Iterator[None]:
    """Have the object store take connections and answer nothing."""
    children = psutil.Process().children()
    with paused([child for child in children if Path(child.exe()).name == "weed"]):
        yield


@contextmanager
def paused(processes: list[psutil.Process]) -> Iterator[None]:
    """Have processes stand still."""
    assert processes
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    yield
    for process in processes:
        os.kill(process.pid, signal.SIGCONT)


@contextmanager
def service(site: Site) -> Iterator[int]:
    """Serve the model of a site in a process of its own."""
    port = free_port()
    with site.start("serve", "forecast", "--port", port) as server:
        try:
            _until(server, port)
            yield port
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=60)


def _until(server: Any, port: int) -> None:
    """Wait until the champion is served, and nothing is wrong with the home."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert server.poll() is None
        try:
            status, said = ask(port, "/readyz")
            if status == 200 and said["models"]["forecast"]["why"] is None:
                return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail("the service is not ready")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres() as found:
        yield found


@pytest.fixture(scope="module")
def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project with a champion, whose state is in Postgres and whose objects are in S3."""
    root: Path = tmp_path_factory.mktemp("away")
    with toy_site(root / "project") as found, s3() as environ:
        found.more = {
            **environ,
            "ML_ASSETS_STATE": cluster.url(),
            "ML_ASSETS_OBJECTS": "s3://team/away",
        }
        for month in ("2020-01", "2020-02", "2020-03", "2020-04", "2020-05"):
            for dataset, content in {"sales": sales, "prices": prices}.items():
                (root / f"{dataset}-{month}.csv").write_bytes(content(month))
        for dataset in ("sales", "prices"):
            found("land", dataset, *root.glob(f"{dataset}-*"))
        assert found.json("run")["success"]
        yield found


@pytest.mark.parametrize("away", [unreachable, stopped, store_stopped])
def test_while_postgres_or_the_object_store_is_away_it_serves_what_it_has(
    site: Site, cluster: Cluster, away: Any
) -> None:
    asked, other = f"{PREDICT}?batch=2020-05", f"{PREDICT}?batch=2020-03"
    with service(site) as port:
        status, wanted = ask(port, asked, [ROW])
        assert status == 200
        with away(cluster):
            begin = time.monotonic()
            refused = ask(port, other, [ROW])
            assert refused == (
                503,
                {"error": "rows that are needed cannot be read now; try again later"},
            )
            assert ask(port, asked, [ROW]) == (200, wanted)
            assert ask(port, "/healthz") == (200, {"alive": True})
            assert time.monotonic() - begin < 30
            while ask(port, "/readyz")[1]["models"]["forecast"]["why"] is None:
                assert time.monotonic() - begin < PATIENCE
                time.sleep(0.2)
        begin = time.monotonic()
        while ask(port, "/readyz")[1]["models"]["forecast"]["why"] is not None:
            assert time.monotonic() - begin < PATIENCE
            time.sleep(0.2)
        assert ask(port, other, [ROW])[0] == 200
