"""Flower's environment and its processes; both sides speak by files and processes alone.

Belongs here: making the environment from its lock, starting programs in it. Does not belong here:
what is run in which order (`rounds`).

Flower calls nobody: its telemetry is off, and it installs nothing while it runs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ml_assets.errors import BundleError, RequestError
from ml_assets.release import virtualenvs

HERE = Path(__file__).parent
LOCK, APP, PROGRAMS = HERE / "flower.txt", HERE / "app", HERE / "programs"
COMMANDS = {
    "flower-superexec": "flwr.supercore.cli:flower_superexec",
    "flower-superlink": "flwr.superlink.cli:flower_superlink",
    "flwr": "flwr.cli.app:app",
    "flwr-clientapp": "flwr.supernode.cli:flwr_clientapp",
    "flwr-serverapp": "flwr.superlink.cli:flwr_serverapp",
}
"""Flower starts these by name, so they are on its path; the virtualenv's own name another Python,
since it was moved."""
PATIENCE = 60.0
KEPT = ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


@dataclass(frozen=True)
class Flower:
    """Flower's Python, and a folder for what its processes keep."""

    python: str
    folder: Path

    def command(self, name: str, *options: str) -> list[str]:
        """Return the call of one of Flower's commands."""
        return [str(self.folder / "bin" / name), *options]

    def program(self, name: str, *options: str) -> list[str]:
        """Return the call of one of our programs in Flower's environment."""
        return [self.python, "-I", str(PROGRAMS / f"{name}.py"), *options]

    @property
    def environ(self) -> dict[str, str]:
        """The variables of every process: nothing of ours that could lead it to other code."""
        kept = {name: value for name, value in os.environ.items() if name in KEPT}
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.defpath}",
            "FLWR_HOME": str(self.folder),
            "FLWR_TELEMETRY_ENABLED": "0",
            "OMP_NUM_THREADS": "1",
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    def run(self, command: Sequence[str], cwd: Path | None = None) -> str:
        """Return what a program prints; RequestError with its last lines if it fails."""
        try:
            done = subprocess.run(
                command,
                cwd=cwd or self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RequestError(f"{Path(command[0]).name} took more than {PATIENCE:g} s") from None
        if done.returncode:
            last = "\n".join(done.stdout.strip().splitlines()[-5:])
            raise RequestError(f"{Path(command[0]).name} failed:\n{last}")
        return done.stdout

    def start(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a program in a group of its own; what it prints is added to a file."""
        with log.open("ab") as file:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@lru_cache
def python_of(lock: bytes) -> str:
    """Return the Python of the lock's environment; comparing its files takes a second.

    Raises RequestError if its packages cannot be installed.
    """
    try:
        return virtualenvs.environment(lock)
    except BundleError as error:
        said = "the environment of the rounds cannot be made; run ml-assets federated setup where "
        raise RequestError(f"{said}packages can be installed from: {error}") from error


def ready(folder: Path) -> Flower:
    """Return Flower with a folder for its processes; its environment is made if it is not there.

    Raises RequestError if its packages cannot be installed.
    """
    python = python_of(LOCK.read_bytes())
    names = folder / "bin"
    names.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, entry in COMMANDS.items():
        module, function = entry.split(":")
        code = f"import sys; sys.argv[0] = '{name}'; from {module} import {function}; {function}()"
        path = names / name
        path.write_text(f'#!/bin/sh\nexec "{python}" -I -c "{code}" "$@"\n', encoding="utf-8")
        path.chmod(0o700)
    return Flower(python, folder)


def app_of(flower: Flower) -> Path:
    """Return a copy of our app that Flower may build in."""
    place = flower.folder / "app"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(APP, place, ignore=shutil.ignore_patterns("__pycache__"))
    return place


@lru_cache
def digest_of(flower: Flower) -> str:
    """Return the digest of what Flower builds of our app, the same wherever that is the same."""
    for old in flower.folder.glob("*.fab"):
        old.unlink()
    flower.run(flower.command("flwr", "build", "--app", str(app_of(flower))))
    (built,) = flower.folder.glob("*.fab")
    digest = hashlib.sha256(built.read_bytes()).hexdigest()
    built.unlink()
    return digest


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and the processes that it started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            break
        # Its children may be slower than it, so both signals are sent.
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
    process.wait()
