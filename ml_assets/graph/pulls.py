"""The sensor's pulls from databases: each in a process of its own, which a tick does not await.

Belongs here: when they start, and what is said of them. Does not belong here: pulling.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import IO

from ml_assets.spec.project import Project
from ml_assets.spec.sql import length

SHOWN = 500
"""How much of a failed pull's message is said."""


@dataclass
class _Pull:
    """The last pull of a dataset."""

    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    every: float
    due: float = 0.0
    """When the next begins, by the monotonic clock; known once this one has ended."""
    failed: str | None = None


_last: dict[str, _Pull] = {}


def pulls(project: Project) -> list[str]:
    """Start each pull that is due; return what to say of pulls that run or failed."""
    said = []
    for name, spec in project.own.items():
        sql = spec.landing.sql
        if sql is None:
            continue
        last = _last.get(name)
        if last is None or (_ended(last) and time.monotonic() >= last.due):
            failed = None if last is None else last.failed
            last = _last[name] = _started(name, length(sql.every).total_seconds())
            last.failed = failed
        if not _ended(last):
            said.append(f"{name} is being pulled from its database")
        if last.failed is not None:
            said.append(f"{name} was not pulled: {last.failed}")
    return said


def _started(name: str, every: float) -> _Pull:
    errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the pull has ended)
    command = [sys.executable, "-m", "ml_assets.cli.main", "pull", name, "--json"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
    )
    return _Pull(process, errors, every)


def _ended(pull: _Pull) -> bool:
    """Tell whether a pull has ended, and keep what it said if it failed."""
    code = pull.process.poll()
    if code is None:
        return False
    if not pull.errors.closed:
        pull.errors.seek(0)
        text = pull.errors.read().decode(errors="replace").strip()
        pull.failed = None if code == 0 else text[-SHOWN:] or f"it ended with code {code}"
        pull.errors.close()
        pull.due = time.monotonic() + pull.every
    return True
