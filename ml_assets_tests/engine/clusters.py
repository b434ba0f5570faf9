"""A Dask scheduler and workers that are processes of their own, and what a run on them says."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ml_assets.children.ports import free_port
from ml_assets_tests.cli.shell import Shell

LONG = 600
"""Seconds: on a busy machine imports alone take many."""
SCHEDULER = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]


def wait(until: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LONG
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@dataclass
class Cluster:
    """A scheduler and its workers."""

    address: str
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, words: Sequence[str | Path], **environ: str) -> subprocess.Popen[bytes]:
        """Start a process that has neither the project nor the home."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ML_ASSETS", "PYTHONP"))}
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                list(map(str, words)),
                cwd=self.folder,
                env={**kept, **environ},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def workers(self, count: int, memory: str = "auto") -> subprocess.Popen[bytes]:
        """Start workers as a person does."""
        words = [sys.executable, "-m", "ml_assets.cli.main", "worker", self.address]
        return self.start([*words, "--processes", str(count), "--memory", memory])

    def log(self, number: int) -> str:
        """Return what a process said."""
        return (self.folder / f"{number}.log").read_text()

    def stop(self) -> None:
        """End every process, and those that they started."""
        for process in self.processes[::-1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                below = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(signal.SIGTERM)
                _, left = psutil.wait_procs([psutil.Process(process.pid), *below], timeout=20)
                for one in left:
                    one.kill()
            process.wait()


@contextmanager
def cluster(folder: Path, patch: str = "") -> Iterator[Cluster]:
    """Start a scheduler; `patch` is run in its process first."""
    folder.mkdir()
    port = free_port()
    made = Cluster(f"tcp://127.0.0.1:{port}", folder)
    words = SCHEDULER
    if patch:
        code = f"{patch}; from distributed.cli.dask_scheduler import main; main()"
        words = [sys.executable, "-c", code, "--no-dashboard"]
    try:
        made.start([*words, "--host", "127.0.0.1", "--port", str(port)])
        yield made
    finally:
        made.stop()


def digests(shell: Shell) -> dict[tuple[str, str], str]:
    """Return the current digest of every cell."""
    with shell.store() as home:
        held = home.records.all_current(home.env)
        # A release holds its home's entry of the promotion log.
        return {p: current.digest for p, current in held.items() if "/release" not in p[0]}


def objects(shell: Shell) -> int:
    """Return how many objects there are."""
    return len(list((shell.home / "objects").glob("??/d1-*")))


def said(shell: Shell) -> str:
    """Return the log of a run's workers."""
    return (shell.home / "environments/dev/logs/workers.log").read_text()


def made_by_workers(shell: Shell) -> int:
    """Return how many actions workers made in the last run."""
    (*_, last) = [line for line in said(shell).splitlines() if "Dask workers made" in line]
    return int(last.split("workers made ")[1].split()[0])
