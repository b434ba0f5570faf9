"""Virtualenvs with the packages of a lock, created once and kept in the user's cache.

Belongs here: creating one atomically, and detecting that one was changed.
Does not belong here: trust (a lock can name where packages come from), what is run in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

from filelock import FileLock

from ml_assets.errors import BundleError

LISTING = "ml_assets-files.json"
"""Written last: every file of a virtualenv with its size and time."""
PATIENCE = 600.0
"""Seconds that a program may take: installing a lock, or scoring."""
PIP = ("--disable-pip-version-check", "--no-input", "--retries", "2")


def folder() -> Path:
    """Return the folder of the virtualenvs: `ml_assets/environments` in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "ml_assets" / "environments"


def environment(lock: bytes) -> str:
    """Return the Python of a virtualenv with exactly the requirements of a lock with hashes.

    It is created if it is missing or was changed; other callers wait in the meantime. Raises
    BundleError if the packages cannot be installed; nothing is left behind then.
    """
    said = f"{sys.version}\n{sysconfig.get_platform()}\n".encode() + lock
    place = folder() / hashlib.sha256(said).hexdigest()[:32]
    try:
        if not _whole(place):
            with FileLock(place.with_suffix(".lock")):
                if not _whole(place):
                    _make(place, lock)
    except OSError as error:
        raise BundleError(f"{error.filename or place}: {error.strerror}") from error
    return str(_python(place))


def run(command: list[str], cwd: Path) -> bytes:
    """Return a program's output, run without variables that would lead Python to other code.

    Raises BundleError with its last line if it fails or takes too long.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=dict(_quiet(os.environ)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BundleError(f"took more than {PATIENCE:g} s") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise BundleError(f"exited with code {done.returncode}: {lines[-1] if lines else ''}")
    return done.stdout


def _quiet(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if not name.startswith(("PYTHON", "ML_ASSETS", "DAGSTER", "MLFLOW", "COVERAGE")):
            yield name, value


def _python(place: Path) -> Path:
    return place / "bin" / "python"


def _make(place: Path, lock: bytes) -> None:
    """Create it under a temporary name, then move it; the caller holds the lock."""
    new = place.with_suffix(".new")
    for old in (new, place):
        shutil.rmtree(old, ignore_errors=True)
    try:
        run([sys.executable, "-I", "-m", "venv", "--without-pip", str(new)], place.parent)
        wanted = new / "requirements.txt"
        wanted.write_bytes(lock)
        pip = [sys.executable, "-I", "-m", "pip", *PIP, "--python", str(_python(new))]
        what = ["--require-hashes", "--only-binary", ":all:", "-r", str(wanted)]
        run([*pip, "install", "--quiet", *what], place.parent)
        (new / LISTING).write_text(json.dumps(_listing(new)))
        new.rename(place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _whole(place: Path) -> bool:
    """Return whether a virtualenv has a Python and exactly its original files."""
    try:
        wanted = json.loads((place / LISTING).read_text())
    except (OSError, ValueError):
        return False
    return bool(_python(place).exists() and _listing(place) == wanted)


def _listing(place: Path) -> dict[str, list[int]]:
    """Return file -> size and time of change in nanoseconds; links are followed."""
    files = {}
    for root, _, names in os.walk(place):
        for name in names:
            path = Path(root, name)
            if name != LISTING and path.exists():
                told = path.stat()
                files[str(path.relative_to(place))] = [told.st_size, told.st_mtime_ns]
    return files
