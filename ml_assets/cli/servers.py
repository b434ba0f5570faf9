"""Dagster's web page, daemon and code server, MLflow's web page and the prediction service."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import yaml

from ml_assets.adapters.mlflow.server import address
from ml_assets.cli.locations import locations
from ml_assets.cli.tied import Tied, end, start
from ml_assets.errors import MlAssetsError, RequestError
from ml_assets.graph.settings import dagster_folder, dagster_home
from ml_assets.startup import command
from ml_assets.workspace import Workspace, settings

HOST = "127.0.0.1"
START = 120.0
"""Seconds within which every server must answer."""
FREED = 3.0
"""Seconds within which the servers of a killed `up` release their ports."""
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.I)
LOOPBACK, WAYS = ("localhost", "127.0.0.1", "[::1]"), ("http", "https")


def ports_free(ports: Mapping[str, int]) -> None:
    """Raise RequestError naming every port that is in use."""
    deadline = time.monotonic() + FREED
    while taken := [f"{port} (for {name})" for name, port in ports.items() if not _is_free(port)]:
        if time.monotonic() > deadline:
            raise RequestError(
                f"ports in use: {', '.join(taken)}; stop what listens there "
                "or choose others with --port, --mlflow-port and --serve-port"
            )
        time.sleep(0.1)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def host_names(given: Sequence[str]) -> list[str]:
    """Return the given host names in lower case; raises RequestError if one is invalid."""
    wrong = [name for name in given if not NAME.fullmatch(name)]
    if wrong:
        raise RequestError(
            f"--host {', '.join(wrong)}: wanted only a name, e.g. models.example.org; the servers "
            f"listen on this machine and also answer to that name"
        )
    return [name.lower() for name in given]


@contextmanager
def serving(
    workspace: Workspace,
    port: int,
    mlflow_port: int,
    hosts: Sequence[str] = (),
    predictions: int | None = None,
    beside: Sequence[Path] = (),
) -> Iterator[list[Tied]]:
    """Start all servers and stop them at the end; they listen on this machine only.

    `beside` are the folders of other projects on the same home, which Dagster shows too.

    `predictions` is the port of the prediction service, if it is to start too. MLflow's page is not
    started where an MLflow server is named. They answer requests for loopback addresses and
    `hosts`. They always end with this process (see `tied`).
    """
    served = locations(workspace, beside)
    own = {} if predictions is None else {"predictions": predictions}
    mlflow = address()
    ports_free({"Dagster": port, **({} if mlflow else {"MLflow": mlflow_port}), **own})
    listed = dagster_folder(workspace) / "workspace.yaml"
    load_from = [
        {"grpc_server": {"host": HOST, "port": item.port, "location_name": item.name}}
        for item in served
    ]
    listed.write_text(yaml.safe_dump({"load_from": load_from}))
    environ = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(workspace)),
        **settings(workspace),
        "ML_ASSETS_MLFLOW_URL": os.environ.get("ML_ASSETS_MLFLOW_URL")
        or mlflow
        or f"http://{HOST}:{mlflow_port}",
        "MLFLOW_DISABLE_TELEMETRY": os.environ.get("MLFLOW_DISABLE_TELEMETRY", "true"),
        # Otherwise seven processes would wait for jobs that are never submitted.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONWARNINGS": "ignore",
    }
    new = not any(dagster_home(workspace).rglob("*.db"))
    logs = workspace.home / "environments" / workspace.env / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    servers: list[Tied] = []

    def begin(
        name: str,
        words: Sequence[str],
        cwd: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        path = logs / f"{name}.log"
        servers.append(start(name, words, {**environ, **(more or {})}, path, cwd))

    try:
        for item in served:
            begin(item.server, item.command(HOST), item.folder, item.environ)
            _await_port(item.port, servers, logs)
        pages = [f"http://{HOST}:{port}/server_info"]
        begin("dagster-webserver", dagster_command(listed, port, hosts))
        if new:
            # Two processes that create Dagster's databases at once break them.
            _await_answer(pages[0], servers, logs)
        begin("dagster-daemon", [_program("dagster-daemon"), "run", "-w", str(listed)])
        if not mlflow:
            # MLflow creates files in its working directory; they belong in its own folder.
            begin("mlflow", mlflow_command(workspace, mlflow_port, hosts), mlflow_folder(workspace))
            pages.append(f"http://{HOST}:{mlflow_port}/health")
        for page in pages:
            _await_answer(page, servers, logs)
        if predictions is not None:
            begin("predictions", predictions_command(predictions, hosts))
            _await_answer(f"http://{HOST}:{predictions}/healthz", servers, logs)
        yield servers
    finally:
        end(servers)


def dagster_command(locations: Path, port: int, hosts: Sequence[str]) -> list[str]:
    """Return the command of Dagster's page."""
    return [
        *command("ml_assets.graph.webserver"),
        *("--listen", HOST, "--port", str(port), "--workspace", str(locations)),
        *(word for name in hosts for word in ("--host", name)),
    ]


def mlflow_folder(workspace: Workspace) -> Path:
    """Return the folder of MLflow's database and files; created if missing."""
    folder = workspace.home / "environments" / workspace.env / "mlflow"
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    return folder


def mlflow_command(workspace: Workspace, port: int, hosts: Sequence[str] = ()) -> list[str]:
    """Return the command of MLflow's page on the environment's own database.

    It serves the files of runs from where each run stored them, and accepts no uploads.
    """
    folder, names = mlflow_folder(workspace), [*LOOPBACK, *hosts]
    # In a pattern with an asterisk, a bracket would start a character set.
    any_port = [f"{name.replace('[', '[[]', 1)}:*" for name in names]
    origins = [f"{way}://{name}{end}" for name in hosts for way in WAYS for end in ("", ":*")]
    return [
        *(_program("mlflow"), "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--default-artifact-root", str(folder / "artifacts"), "--no-serve-artifacts"),
        *("--allowed-hosts", ",".join([*names, *any_port])),
        *(("--cors-allowed-origins", ",".join(origins)) if origins else ()),
    ]


def predictions_command(port: int, hosts: Sequence[str] = ()) -> list[str]:
    """Return the command of the prediction service, for all models of the project."""
    names = [word for name in hosts for word in ("--host", name)]
    return [_program("ml-assets"), "serve", "--port", str(port), *names]


def example(port: int) -> str | None:
    """Return a `curl` command that the prediction service on a port answers, None if none is known.

    Where an access key is needed it asks for the models, among which such a request is.
    """
    models = f"http://{HOST}:{port}/v1/models"
    try:
        with urllib.request.urlopen(models, timeout=30) as answer:
            payload = [model for model in json.load(answer)["models"] if model.get("example")]
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.UNAUTHORIZED:
            raise MlAssetsError(f"{models} answered with status {error.code}") from None
        return f'curl -H "authorization: Bearer $KEY" {models}'
    if not payload:
        return None
    body = shlex.quote(json.dumps(payload[0]["example"]))
    address = f"{models}/{payload[0]['name']}/predict"
    return f"curl -H 'content-type: application/json' -d {body} \\\n    {address}"


def _program(name: str) -> str:
    """Return the path of a command in this Python's environment."""
    return str(Path(sys.executable).with_name(name))


def _await_port(port: int, servers: Sequence[Tied], logs: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        check_alive(servers, logs)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.2)
    raise MlAssetsError(f"the code server did not start in {START:.0f} s; see {logs}")


def _await_answer(address: str, servers: Sequence[Tied], logs: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        check_alive(servers, logs)
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise MlAssetsError(f"{address} did not answer in {START:.0f} s; see {logs}")


def check_alive(servers: Sequence[Tied], logs: Path | None = None) -> None:
    """Raise MlAssetsError if a server has exited."""
    for server in servers:
        code = server.process.poll()
        if code is not None:
            where = f"; see {logs}" if logs else ""
            raise MlAssetsError(f"{server.name} exited with code {code}{where}")
