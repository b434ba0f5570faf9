"""The login of `deploy`: the real Caddy before the real Dagster, MLflow and predictions."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import pytest
import yaml

from ml_assets.children.ports import free_port
from ml_assets.graph.settings import dagster_home
from ml_assets.workspace import locate
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.deploy.pages import DOMAIN, PASSWORDS, Pages
from ml_assets_tests.deploy.parts import DEPLOY, command, process
from ml_assets_tests.prepared import prepared_site

pytestmark = pytest.mark.slow

EVIL, HERE = "https://evil.example", "127.0.0.1"
RELOAD = json.dumps({"query": "mutation{reloadWorkspace{__typename ... on PythonError{message}}}"})
SEARCH, CREATE = (f"/ajax-api/2.0/mlflow/experiments/{name}" for name in ("search", "create"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with prepared_site(tmp_path_factory, "login") as made:
        made("pause")
        yield made


@pytest.fixture(scope="module")
def pages(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Start what compose.yaml starts: code server, webservers, MLflow, predictions and proxy."""
    folder = tmp_path_factory.mktemp("proxy")
    with site.inside():
        instance, module = dagster_home(locate()), locate().module.rpartition(".")[0]
    names = ("code", "webserver", "viewer", "mlflow", "predictions", "https", "http")
    ports = {name: str(free_port()) for name in names}
    server = {"host": HERE, "port": int(ports["code"]), "location_name": "ml_assets"}
    locations = folder / "workspace.yaml"
    locations.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    listens = {"0.0.0.0": HERE}
    places = {**listens, "/srv/dagster/workspace.yaml": str(locations)}
    changes = {
        "code": {
            **listens,
            "4000": ports["code"],
            "ml_assets.definitions": f"{module}.definitions",
        },
        "webserver": {**places, "3000": ports["webserver"]},
        "viewer": {**places, "3000": ports["viewer"]},
        "mlflow": {**listens, "/tmp": str(folder), "5000": ports["mlflow"]},
        # It answers to any name only where it listens to others.
        "predictions": {"8000": ports["predictions"]},
        "proxy": {"/etc/caddy/Caddyfile": str(DEPLOY / "Caddyfile")},
    }
    mlflow = site.home / "environments" / "dev" / "mlflow"
    environ = {
        **site.environ(),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "DAGSTER_HOME": str(instance),
        "PYTHONPATH": str(site.root),
        "PYTHONWARNINGS": "ignore",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{mlflow / 'mlflow.db'}",
        "MLFLOW_ARTIFACTS_DESTINATION": str(mlflow / "artifacts"),
        "DOMAIN": DOMAIN,
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "data"),
        "USERS": str(_users(folder / "users")),
        "HTTP": ports["http"],
        "HTTPS": ports["https"],
        "DAGSTER": f"{HERE}:{ports['webserver']}",
        "VIEWER": f"{HERE}:{ports['viewer']}",
        "MLFLOW": f"{HERE}:{ports['mlflow']}",
        "PREDICTIONS": f"{HERE}:{ports['predictions']}",
    }
    with ExitStack() as open_:
        for name, change in changes.items():
            words, log = command(name, change), folder / f"{name}.log"
            started = open_.enter_context(process(words, log, environ, site.root))
            _await(int(ports["https" if name == "proxy" else name]), started, log)
        authority = folder / "data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        yield Pages(int(ports["https"]), authority)


def _users(folder: Path) -> Path:
    folder.mkdir()
    for name, role in {"vera": "viewers", "olga": "operators"}.items():
        words = ["caddy", "hash-password"]
        done = subprocess.run(words, input=f"{PASSWORDS[name]}\n", capture_output=True, text=True)
        assert done.returncode == 0, done
        (folder / role).write_text(f"{name} {done.stdout}")
    return folder


def _await(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 180
    while True:
        assert server.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex((HERE, port)) == 0:
                return
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@pytest.mark.parametrize("name", ["dagster", "mlflow", "models"])
def test_nobody_sees_anything_without_a_login(pages: Pages, name: str) -> None:
    wrong = base64.b64encode(b"vera:operates").decode()
    for path in ("/", "/graphql", "/server_info", "/v1/models", "/health", SEARCH):
        assert pages.ask(None, name, path) == (401, "")
        assert pages.ask(None, name, path, "{}") == (401, "")
        assert pages.ask(None, name, path, Authorization=f"Basic {wrong}") == (401, "")
    # A name that nobody serves here has no page either.
    with pytest.raises(ssl.SSLError):
        pages.ask(None, "other")


def test_viewers_see_dagster_and_change_nothing(pages: Pages) -> None:
    status, text = pages.ask("vera", "dagster")
    assert (status, 'name="viewport"' in text) == (200, True)
    asked = json.dumps({"query": "{version}"})
    assert json.loads(pages.ask("vera", "dagster", "/graphql", asked)[1])["data"]["version"]
    answer = json.loads(pages.ask("vera", "dagster", "/graphql", RELOAD)[1])
    assert answer["data"]["reloadWorkspace"] == {"__typename": "UnauthorizedError"}
    # What a client says of who it is makes nobody an operator.
    answer = pages.ask("vera", "dagster", "/graphql", RELOAD, X_Forwarded_User="olga")
    assert "UnauthorizedError" in answer[1]


def test_operators_change_things_from_their_own_pages(pages: Pages) -> None:
    own = {"Origin": f"https://dagster.{DOMAIN}:{pages.port}"}
    for headers in ({}, own):
        status, text = pages.ask("olga", "dagster", "/graphql", RELOAD, **headers)
        assert status == 200
        assert json.loads(text)["data"]["reloadWorkspace"] == {"__typename": "Workspace"}


@pytest.mark.parametrize("origin", [EVIL, "null", f"https://mlflow.{DOMAIN}", f"http://{DOMAIN}"])
@pytest.mark.parametrize("who", PASSWORDS)
def test_pages_of_other_origins_get_nothing(pages: Pages, who: str, origin: str) -> None:
    for name, path in {"dagster": "/graphql", "mlflow": CREATE, "models": "/v1/models"}.items():
        status, text = pages.ask(who, name, path, RELOAD, Origin=origin)
        assert (status, text) == (403, "refused: requested by a page of another origin")


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "//graphql", "/GraphQL", "/%67raphql"])
def test_nothing_is_changed_by_a_link(pages: Pages, path: str) -> None:
    query = quote("mutation{reloadWorkspace{__typename}}")
    for method in ("GET", "HEAD"):
        status, text = pages.ask("olga", "dagster", f"{path}?query={query}", method=method)
        assert status == 403
        assert text in ("", "refused: send queries by POST")


@pytest.mark.parametrize("kind", ["materialization", "check", "observation"])
def test_only_ml_assets_reports_what_was_made(pages: Pages, site: Site, kind: str) -> None:
    key = dg.AssetKey(["sales", "cleaned"])
    with site.dagster() as instance:
        before = instance.get_latest_materialization_event(key)
    for prefix in ("/report_asset_", "//report_asset_", "/Report_Asset_", "/%72eport_asset_"):
        status, text = pages.ask("olga", "dagster", f"{prefix}{kind}/sales/cleaned", "{}")
        assert (status, text) == (403, "refused: only ml_assets reports what was made")
    with site.dagster() as instance:
        assert instance.get_latest_materialization_event(key) == before


def test_mlflow_is_changed_by_operators_alone(pages: Pages) -> None:
    asked = json.dumps({"max_results": 10})
    for who in PASSWORDS:
        assert "<title>MLflow" in pages.ask(who, "mlflow")[1]
        status, text = pages.ask(who, "mlflow", SEARCH, asked)
        assert status == 200
        assert "forecast-dev" in [found["name"] for found in json.loads(text)["experiments"]]
    made = json.dumps({"name": "by hand"})
    assert pages.ask("vera", "mlflow", CREATE, made) == (403, "refused: viewers change nothing")
    for method in ("PUT", "PATCH", "DELETE"):
        assert pages.ask("vera", "mlflow", CREATE, made, method=method)[0] == 403
    status, text = pages.ask("olga", "mlflow", CREATE, made)
    assert status == 200
    assert json.loads(text)["experiment_id"]


def test_predictions_for_everybody_with_a_login(pages: Pages) -> None:
    for who in PASSWORDS:
        status, text = pages.ask(who, "models", "/v1/models")
        assert status == 200
        (model,) = json.loads(text)["models"]
        asked = json.dumps(model["example"])
        status, text = pages.ask(who, "models", f"/v1/models/{model['name']}/predict", asked)
        assert status == 200, text
        assert pages.ask(who, "models", "/metrics") == (404, "")


def test_a_websocket_is_for_the_page_that_was_logged_into(pages: Pages) -> None:
    own = f"https://dagster.{DOMAIN}:{pages.port}"
    assert pages.upgraded("vera", own) == (101, "graphql-ws")
    assert pages.upgraded("olga", own) == (101, "graphql-ws")
    assert pages.upgraded("olga", EVIL) == (403, None)
    assert pages.upgraded(None, own) == (401, None)


def test_a_login_by_an_openid_provider_is_well_formed() -> None:
    words = ["caddy", "adapt", "--config", "Caddyfile"]
    done = subprocess.run(
        words, cwd=DEPLOY, env={"PATH": "/usr/bin", "LOGIN": "oidc.caddy"}, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert text.count('"uri": "/oauth2/auth"') + text.count('"uri":"/oauth2/auth"') == 3
    assert "http_basic" not in text
