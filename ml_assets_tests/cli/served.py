"""`ml-assets up` on a project, in a process of its own, until both pages answer."""

from __future__ import annotations

import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ml_assets.children.ports import free_port
from ml_assets.cli.servers import HOST
from ml_assets_tests.cli.shell import Shell

PATIENCE = 120.0
"""Seconds within which a page answers, on a busy machine."""


@dataclass(frozen=True)
class Up:
    """The command's process and the ports of its pages."""

    process: subprocess.Popen[str]
    ports: tuple[int, int]

    @property
    def dagster(self) -> str:
        """The address of Dagster's page."""
        return f"http://{HOST}:{self.ports[0]}"

    @property
    def mlflow(self) -> str:
        """The address of MLflow's page."""
        return f"http://{HOST}:{self.ports[1]}"

    def until_it_answers(self) -> None:
        """Wait until both pages answer."""
        for address in (f"{self.dagster}/server_info", f"{self.mlflow}/health"):
            _await(address, self.process)


@contextmanager
def up(shell: Shell, *words: str, ports: tuple[int, int] | None = None) -> Iterator[Up]:
    """Serve a project's pages; at the end the command is asked to end, if it still runs."""
    ports = ports or (free_port(), free_port())
    named = ("--port", str(ports[0]), "--mlflow-port", str(ports[1]))
    found = Up(shell.start("up", *named, *words), ports)
    try:
        found.until_it_answers()
        yield found
    finally:
        found.process.send_signal(signal.SIGTERM)
        found.process.communicate(timeout=60)


def _await(address: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert process.poll() is None, process.communicate()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
