"""Dagster's page, its daemon and code server, and MLflow's page, started and ended together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ml_assets.errors import MlAssetsError, RequestError
from ml_assets.graph.settings import dagster_home
from ml_assets.plan.workspace import Workspace, settings

HOST = "127.0.0.1"
START = 120.0
"""Seconds within which every server must answer."""


def ports_free(ports: Mapping[str, int]) -> None:
    """Raise RequestError naming every port that is in use."""
    taken = []
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                taken.append(f"{port} (for {name})")
    if taken:
        raise RequestError(
            f"in use: port {', '.join(taken)}; end what listens there, "
            "or say --port and --mlflow-port"
        )


@contextmanager
def serving(workspace: Workspace, port: int, mlflow_port: int) -> Iterator[list[Any]]:
    """Start all servers and end them all; they listen on this machine alone."""
    code_port = free_port()
    ports_free({"Dagster": port, "MLflow": mlflow_port})
    folder = dagster_home(workspace)
    locations = folder / "workspace.yaml"
    server = {"host": HOST, "port": code_port, "location_name": "ml_assets"}
    locations.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    environ = {
        **os.environ,
        "DAGSTER_HOME": str(folder),
        **settings(workspace),
        "DAGSTER_CODE_SERVER_PORT": str(code_port),
        "ML_ASSETS_MLFLOW_URL": os.environ.get("ML_ASSETS_MLFLOW_URL")
        or f"http://{HOST}:{mlflow_port}",
        # Otherwise seven processes wait for jobs that nothing here gives.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONWARNINGS": "ignore",
    }
    logs = workspace.home / "environments" / workspace.env / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    children: list[Any] = []
    try:
        module = f"{workspace.module.rpartition('.')[0] or 'ml_assets'}.definitions"
        code = ["dagster", "code-server", "start", "-m", module, "-h", HOST]
        children.append(_start(code, environ, logs / "code-server.log"))
        _await_port(code_port, children, logs)
        others = {
            "dagster-webserver.log": [
                *("dagster-webserver", "-h", HOST, "-p", str(port), "-w", str(locations)),
            ],
            "dagster-daemon.log": ["dagster-daemon", "run", "-w", str(locations)],
            "mlflow.log": mlflow_command(workspace, mlflow_port),
        }
        for log, command in others.items():
            children.append(_start(command, environ, logs / log))
        for address in (f"http://{HOST}:{port}/server_info", f"http://{HOST}:{mlflow_port}/health"):
            _await_answer(address, children, logs)
        yield children
    finally:
        _end(children)


def mlflow_command(workspace: Workspace, port: int) -> list[str]:
    """Return the command of MLflow's page on the environment's own database."""
    folder = workspace.home / "environments" / workspace.env / "mlflow"
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    return [
        *("mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--default-artifact-root", str(folder / "artifacts")),
    ]


def _start(command: list[str], environ: Mapping[str, str], log: Path) -> Any:
    program = Path(sys.executable).with_name(command[0])
    with log.open("ab") as sink:
        return subprocess.Popen(
            [str(program), *command[1:]],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await_port(port: int, children: list[Any], logs: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        check_alive(children, logs)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.2)
    raise MlAssetsError(f"the code server did not start in {START:.0f} s; see {logs}")


def _await_answer(address: str, children: list[Any], logs: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        check_alive(children, logs)
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise MlAssetsError(f"{address} did not answer in {START:.0f} s; see {logs}")


def check_alive(children: list[Any], logs: Path | None = None) -> None:
    """Raise MlAssetsError if a server has ended."""
    for child in children:
        if child.poll() is not None:
            name = Path(child.args[0]).name
            where = f"; see {logs}" if logs else ""
            raise MlAssetsError(f"{name} ended with code {child.returncode}{where}")


def _end(children: list[Any]) -> None:
    """Ask every server's process group to end; kill those that do not in ten seconds."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        for child in children:
            try:
                os.killpg(child.pid, how)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and any(child.poll() is None for child in children):
            time.sleep(0.1)


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
