"""Real processes for tests: a script run in a Python of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
TIMEOUT = 600.0


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let this process have these environment variables and no others."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def copy(source: Path, target: Path) -> None:
    """Copy a folder with databases, as `cp -a` does: in a process of its own.

    A process that opens a database's files beside SQLite loses, on closing them, the locks that
    SQLite holds in it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{source}/.", target], check=True)


def start(script: str, *arguments: str | Path, cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start a script; its arguments are in `sys.argv[1:]`."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=cwd or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a process to end with a code and return what it printed."""
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == code, f"ended with {process.returncode}\n{out}\n{err}"
    return out


def run(script: str, *arguments: str | Path, cwd: Path | None = None, code: int = 0) -> str:
    """Run a script to its end and return what it printed."""
    return finish(start(script, *arguments, cwd=cwd), code)


def race(script: str, calls: Iterable[tuple[str | Path, ...]]) -> list[str]:
    """Run a script for each call, all at once from `ready` on; return what each printed then."""
    several = [start(script, *arguments) for arguments in calls]
    for process in several:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in several:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [finish(process).strip() for process in several]
