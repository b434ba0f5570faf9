"""The real daemon and a real code server on a toy project, as `ml-assets up` starts them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._grpc.client import DagsterGrpcClient

from ml_assets.children.ports import free_port
from ml_assets.cli.servers import HOST
from ml_assets.graph.instance import dagster_home
from ml_assets_tests import warm
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.processes import ROOT

PATIENCE = 120.0
"""Seconds within which what is waited for must happen, on a busy machine."""


class Daemon:
    """What is seen of a running daemon, from outside."""

    def __init__(self, site: Site, instance: dg.DagsterInstance, port: int) -> None:
        self.site = site
        self.instance = instance
        self.port = port

    def reload(self) -> None:
        """Load the code location anew, as the page's Reload does."""
        DagsterGrpcClient(port=self.port).reload_code(timeout=60)

    def runs(self) -> list[dg.DagsterRun]:
        """Return all runs, oldest first."""
        return list(reversed(self.instance.get_runs()))

    def ticks(self) -> list[Any]:
        """Return the sensor's ticks, newest first."""
        states = self.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        if not states:
            return []
        return list(
            self.instance.get_ticks(states[0].instigator_origin_id, states[0].selector_id, limit=60)
        )

    def skips(self, after: float = 0.0) -> list[str]:
        """Return the reasons of ticks that began after a time, newest first."""
        return [t.skip_reason for t in self.ticks() if t.skip_reason and t.timestamp > after]

    def until(self, what: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until something is true, and return it."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(f"waited {patience:.0f} s; {self.state()}")

    def state(self) -> str:
        """Return what a person would look at first."""
        shown = [(run.run_id[:8], run.status.value) for run in self.runs()]
        return f"runs {shown}; skips {self.skips()[:5]}"

    def settled(self, after: float) -> str:
        """Wait for a tick, begun after a time, that finds nothing to do; return its reason."""

        def found() -> str | None:
            said = self.skips(after)
            good = ("nothing to do", "no changes since the last check")
            return next((reason for reason in said if reason.startswith(good)), None)

        reason: str = self.until(found)
        return reason

    def skipped(self, text: str, after: float) -> str:
        """Wait for a tick, begun after a time, whose reason holds a text."""
        reason: str = self.until(
            lambda: next((reason for reason in self.skips(after) if text in reason), None)
        )
        return reason

    def ended(self, count: int) -> list[dg.DagsterRun]:
        """Wait until there are so many runs and all have ended; return them."""

        def found() -> list[dg.DagsterRun] | None:
            runs = self.runs()
            done = all(run.is_finished for run in runs)
            return runs if done and len(runs) >= count else None

        runs: list[dg.DagsterRun] = self.until(found)
        return runs


@contextmanager
def running(site: Site) -> Iterator[Daemon]:
    """Start code server and daemon, and end them with all that they started."""
    with site.dagster() as instance, site.inside():
        from ml_assets.workspace import locate

        folder = dagster_home(locate())
        port = free_port()
        locations = folder / "workspace.yaml"
        server = {"host": HOST, "port": port, "location_name": "ml_assets"}
        locations.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
        environ = {
            **site.environ(),
            "DAGSTER_HOME": str(folder),
            "DAGSTER_CODE_SERVER_PORT": str(port),
            "PYTHONPATH": f"{warm.path()}:{ROOT}:{site.root}",
            "PYTHONWARNINGS": "ignore",
        }
        code = ["dagster", "code-server", "start", "-m", "toy.definitions", "-h", HOST]
        commands = [[*code, "-p", str(port)], ["dagster-daemon", "run", "-w", str(locations)]]
        children = []
        try:
            for command in commands:
                children.append(_start(command, environ, site))
                if command[0] == "dagster":
                    _await(port, children[0])
            yield Daemon(site, instance, port)
        finally:
            for child in reversed(children):
                os.killpg(child.pid, signal.SIGTERM)
            for child in reversed(children):
                try:
                    child.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()


def _start(command: list[str], environ: dict[str, str], site: Site) -> Any:
    module = {"dagster": "dagster", "dagster-daemon": "dagster._daemon"}[command[0]]
    with (site.root / f"{command[0]}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *command[1:]],
            cwd=site.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _await(port: int, child: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert child.poll() is None, "the code server ended"
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError("the code server did not start")
