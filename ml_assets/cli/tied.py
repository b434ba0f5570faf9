"""A server that ends, with all its own processes, when the process that started it ends.

A killed process cannot clean up. So a small supervisor runs between it and each server: its stdin
closes when the parent is gone for any reason, and it then ends all of the server's descendants.
Belongs here: starting and ending. Does not belong here: which servers (`servers`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from ml_assets.startup import command

PATIENCE = 10.0
"""Seconds that processes get to exit before they are killed."""
SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36
"""Options of Linux's prctl: signal on the parent's death; adopt orphaned descendants."""


@dataclass(frozen=True)
class Tied:
    """A started server and its name."""

    name: str
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        """Ask it to exit, without waiting."""
        if self.process.stdin is not None:
            self.process.stdin.close()


def start(
    name: str, words: Sequence[str], environ: Mapping[str, str], log: Path, folder: Path | None
) -> Tied:
    """Start a server in a folder (by default the current one); its output goes to `log`."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [*command("ml_assets.cli.tied"), *words],
            env=dict(environ),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            # Control-C is for the parent.
            start_new_session=True,
        )
    return Tied(name, process)


def end(servers: Sequence[Tied]) -> None:
    """Stop servers with all their processes, and wait until they have exited."""
    for server in servers:
        server.end()
    for server in servers:
        server.process.wait()


def main() -> None:
    """Run the server given on the command line until it or the parent ends."""
    _prctl(SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _interrupt)
    child = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - there are no threads yet
    )
    threading.Thread(target=_watch, daemon=True).start()
    code = 0
    try:
        code = _ended(child.pid)
    except KeyboardInterrupt:
        # Once is enough.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _end_all()
    sys.exit(code)


def _watch() -> None:
    os.read(sys.stdin.fileno(), 1)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ended(pid: int) -> int:
    """Wait for a child to end, and reap orphans meanwhile; return its exit code."""
    while True:
        child, status = os.wait()
        if child == pid:
            return os.waitstatus_to_exitcode(status)


def _end_all() -> None:
    """Ask every descendant process to exit; kill those that do not."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + PATIENCE
        told: set[psutil.Process] = set()
        while (processes := _below()) and time.monotonic() < deadline:
            for process in processes - told:
                try:
                    process.send_signal(how)
                except psutil.NoSuchProcess:
                    continue
            told |= processes
            time.sleep(0.05)


def _below() -> set[psutil.Process]:
    """Return every descendant process, after reaping those that have ended."""
    while psutil.Process().children():
        if os.waitpid(-1, os.WNOHANG) == (0, 0):
            break
    return set(psutil.Process().children(recursive=True))


def _die_with_parent() -> None:
    _prctl(SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value)
