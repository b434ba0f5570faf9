"""Whom the pages of `up` answer, asked by real requests; and that nothing of it stays."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import dagster as dg
import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ml_assets.adapters.mlflow.client import opened
from ml_assets.cli.servers import HOST
from ml_assets_tests.cli.served import Up, up
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.prepared import prepared_site

pytestmark = pytest.mark.slow

EVIL, NAME = "http://evil.example", "models.example.org"
JSON = {"Content-Type": "application/json"}
SHUTDOWN = 'mutation{shutdownRepositoryLocation(repositoryLocationName:"ml_assets"){__typename}}'
VERSION = json.dumps({"query": "{version}"})
CHECK = "/report_asset_check/sales/cleaned?check_name=contract&passed=false&severity=ERROR"
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
UPLOAD = "/api/2.0/mlflow-artifacts/artifacts/evil.txt"
SEARCH, CREATE = (f"/api/2.0/mlflow/experiments/{name}" for name in ("search", "create"))


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Again:
    """Pages that are served after the command that served them was killed."""

    up: Up
    killed: int
    """How many processes the first command had started."""
    left: list[psutil.Process]
    """Those that did not end."""


def _ask(
    port: int,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> Answer:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    found = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, found, text)


def _get(query: str) -> str:
    return f"/graphql?query={quote(query)}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project that is served, and paused; not to be changed."""
    with prepared_site(tmp_path_factory, "servers") as made:
        made("pause")
        yield made


@pytest.fixture(scope="module")
def again(site: Site) -> Iterator[Again]:
    """Serve the project, kill the command, and serve it on the same ports at once."""
    with up(site, "--host", NAME) as first:
        below = psutil.Process(first.process.pid).children(recursive=True)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        with up(site, "--host", NAME, ports=first.ports) as second:
            _, left = psutil.wait_procs(below, timeout=60)
            # Until then those of the first may have answered on these ports.
            second.until_it_answers()
            yield Again(second, len(below), left)
            below = psutil.Process(second.process.pid).children(recursive=True)
        assert [process for process in below if process.is_running()] == []


@pytest.fixture(scope="module")
def pages(again: Again) -> Up:
    return again.up


@pytest.mark.parametrize(
    ("method", "path", "headers", "said"),
    [
        ("GET", _get(SHUTDOWN), {}, "by POST"),
        ("GET", _get("{version}") + f"&query={quote(SHUTDOWN)}", {}, "by POST"),
        ("GET", _get("subscription{locationStateChangeEvents{__typename}}"), {}, "by POST"),
        ("GET", _get(SHUTDOWN), LINK, "by POST"),
        ("GET", "/server_info", {"Host": "evil.example"}, "the host evil.example"),
        ("GET", "/server_info", {"Host": "127.0.0.1.evil.example"}, "--host NAME"),
        ("GET", "/server_info", {"Sec-Fetch-Site": "cross-site"}, "another origin"),
        ("POST", "/graphql", {"Origin": EVIL}, f"a page of {EVIL}"),
        ("POST", "/graphql", {"Origin": "null"}, "a page of null"),
        ("POST", "/graphql", {"Origin": f"http://{HOST}:9"}, "other origins may only link here"),
        ("POST", "/graphql", LINK, "another origin"),
        ("POST", "/graphql", {"Sec-Fetch-Site": "same-site"}, "another origin"),
        ("OPTIONS", "/graphql", {"Origin": EVIL}, f"a page of {EVIL}"),
        ("POST", "/report_asset_materialization/sales/cleaned", {}, "only ml_assets reports"),
        ("POST", "/report_asset_observation/sales/cleaned", {}, "only ml_assets reports"),
        ("POST", CHECK, {}, "only ml_assets reports"),
    ],
)
def test_dagster_refuses(
    pages: Up, method: str, path: str, headers: dict[str, str], said: str
) -> None:
    body = VERSION if method == "POST" else None
    answer = _ask(pages.ports[0], method, path, {**JSON, **headers}, body)
    assert answer.status == 403
    assert answer.text.startswith("refused: ")
    assert said in answer.text
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_what_was_refused_has_changed_nothing(site: Site, pages: Up) -> None:
    with site.dagster() as instance:
        key = dg.AssetKey(["sales", "cleaned"])
        latest = instance.get_latest_materialization_event(key)
        assert latest is not None
        assert latest.run_id
    loaded = "{workspaceOrError{... on Workspace{locationEntries{name loadStatus}}}}"
    answer = _ask(pages.ports[0], "GET", _get(loaded))
    entries = json.loads(answer.text)["data"]["workspaceOrError"]["locationEntries"]
    assert entries == [{"name": "ml_assets", "loadStatus": "LOADED"}]


def test_dagster_answers_its_own_page_and_programs(pages: Up) -> None:
    port = pages.ports[0]
    own = {"Origin": pages.dagster, "Sec-Fetch-Site": "same-origin"}
    tunnel = {"Host": "localhost:8080", "Origin": "http://localhost:8080"}
    proxy = {"Host": NAME, "Origin": f"https://{NAME}"}
    for headers in ({}, own, tunnel, proxy):
        answer = _ask(port, "POST", "/graphql", {**JSON, **headers}, VERSION)
        assert json.loads(answer.text) == {"data": {"version": dg.__version__}}
    assert _ask(port, "GET", _get("{version}")).status == 200
    linked = _ask(port, "GET", "/assets/sales/cleaned", LINK)
    assert linked.status == 200
    assert linked.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in linked.headers["content-security-policy"]


def test_a_websocket_is_for_the_own_page_and_changes_nothing(pages: Up) -> None:
    address = f"{pages.dagster.replace('http', 'ws')}/graphql"

    def answered(origin: Any) -> Any:
        with connect(address, origin=origin, subprotocols=["graphql-ws"]) as socket:  # type: ignore[list-item]
            socket.send(json.dumps({"type": "connection_init"}))
            assert json.loads(socket.recv(60)) == {"type": "connection_ack"}
            start = {"id": "1", "type": "start", "payload": {"query": SHUTDOWN}}
            socket.send(json.dumps(start))
            return json.loads(socket.recv(60))

    for origin in (None, pages.dagster):
        assert answered(origin)["payload"]["message"].endswith("is not defined.")
    with pytest.raises(InvalidStatus, match="403"):
        answered(EVIL)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", UPLOAD, {}, 503),
        ("PUT", UPLOAD.replace("/api/", "/ajax-api/"), {}, 503),
        ("POST", CREATE, {"Host": "evil.example"}, 403),
        ("POST", CREATE, {"Host": "10.evil.example"}, 403),
        ("POST", CREATE, {"Origin": EVIL}, 403),
        ("POST", CREATE, {"Origin": "null"}, 403),
    ],
)
def test_mlflow_refuses(
    pages: Up, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = _ask(pages.ports[1], method, path, {**JSON, **headers}, '{"name": "evil"}')
    assert answer.status == status
    assert "access-control-allow-origin" not in answer.headers


def test_mlflow_answers_its_own_page_and_programs(site: Site, pages: Up) -> None:
    port = pages.ports[1]
    hosts: list[dict[str, str]] = [
        {},
        {"Host": "localhost:8080"},
        {"Host": "[::1]:8080"},
        {"Host": NAME, "Origin": f"https://{NAME}"},
    ]
    for headers in hosts:
        body = '{"max_results": 9}'
        found = json.loads(_ask(port, "POST", SEARCH, {**JSON, **headers}, body).text)
        assert {item["name"] for item in found["experiments"]} == {"Default", "forecast-dev"}
    with site.store() as home:
        client = opened(home)
        place = client.get_experiment_by_name("forecast-dev")
        assert place is not None
        (run,) = client.search_runs([place.experiment_id], "tags.`ml_assets.asset` != ''")
    file = f"/get-artifact?path=report.html&run_uuid={run.info.run_id}"
    assert _ask(port, "GET", file).text.startswith("<!doctype html>")


def test_the_current_folder_stays_as_it_was(site: Site, pages: Up) -> None:
    assert {path.name for path in site.root.iterdir()} <= {
        *("data", "incoming", "pyproject.toml", "toy"),
    }


def test_a_port_in_use_is_named_and_a_host_is_a_name(site: Site, pages: Up) -> None:
    port, mlflow_port = pages.ports
    words = ("--port", port, "--mlflow-port", mlflow_port)
    said = site("up", *words, code=2).err
    assert f"ports in use: {port} (for Dagster), {mlflow_port} (for MLflow)" in said
    assert "--port, --mlflow-port and --serve-port" in said
    assert "wanted only a name" in site("up", "--host", f"https://{NAME}", code=2).err


def test_nothing_stays_of_a_killed_up_and_the_next_one_starts(again: Again) -> None:
    assert again.killed >= 8
    assert again.left == []
    assert _ask(again.up.ports[0], "GET", "/server_info").status == 200
