"""The second process of a run, started before the first has imported anything but Python's own.

Its imports then pass while the run's own imports and plan do. It is started where something large
landed since the last run; where that turns out to need no run, it is ended unused. Belongs here:
whether, and the process. Does not belong here: what it is asked to do (`graph/ahead`).
"""

from __future__ import annotations

import atexit
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ml_assets.importing import command, environment
from ml_assets.walk import below, landing

LARGE = 2_000_000
"""Landed bytes from which work takes longer than a second process' imports (3 s)."""
WORD, NOT_WITH = "run", {"--force", "--verify", "--help"}
"""The command that may use it, and the options with which it does not."""
_waiting: list[subprocess.Popen[str]] = []


def begin(words: Sequence[str]) -> None:
    """Start the second process if a command, given as its words, is likely to use it."""
    home = Path(os.environ.get("ML_ASSETS_HOME") or "data")
    env = os.environ.get("ML_ASSETS_ENV") or "dev"
    if words[:1] == [WORD] and not NOT_WITH & set(words) and landed(home, env):
        _waiting.append(started())
        atexit.register(drop)


def landed(home: Path, env: str) -> bool:
    """Tell whether a home's landing folder is large and holds what its last run cannot know."""
    lying = landing(home / "landing")
    files = [entry.info for entry in lying if entry.info is not None and not entry.odd]
    if sum(file.st_size for file in files) < LARGE:
        return False
    runs = below(home / "environments" / env / "dagster" / "history")
    last = max((run.info.st_mtime for run in runs if run.info is not None), default=0.0)
    return any(file.st_ctime > last for file in files)


def started() -> subprocess.Popen[str]:
    """Return a new second process, which waits for what it is asked on stdin."""
    return subprocess.Popen(
        command("ml_assets.graph.ahead_child"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def taken() -> subprocess.Popen[str] | None:
    """Return the process that waits, once, if it still runs."""
    while _waiting:
        process = _waiting.pop()
        if process.poll() is None:
            return process
        process.communicate()
    return None


def drop() -> None:
    """End the process that waits, if nobody took it."""
    process = taken()
    if process is not None:
        process.kill()
        process.communicate()
