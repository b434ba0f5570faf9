"""Scoring a bundle's golden rows as whoever has only the bundle would: in a process of its own.

Belongs here: processes, virtual environments, comparing predictions. Does not belong here: trust
(a bundle's programs are code: `trusted` decides before anything runs).
"""

from __future__ import annotations

import csv
import io
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ml_assets.adapters.bundle_read import Bundle, Problem
from ml_assets.errors import BundleError
from ml_assets.stages.gate.child import OPTIONAL
from ml_assets.stages.release.onnx import TOLERANCE

PROGRAMS = {"score.py": "requirements.txt", "score_edge.py": "requirements-edge.txt"}
"""What scores, and the lock that it needs."""
LOCKS = {
    "requirements.txt": ("numpy.txt", "lightgbm.txt"),
    "requirements-edge.txt": ("onnxruntime.txt",),
}
"""Under which names a lock is shipped."""
PATIENCE = 600.0
"""Seconds that scoring, or installing a lock, may take."""
ALONE = f"""import runpy, sys
class Hidden:
    @staticmethod
    def find_spec(name, *_):
        if name in {OPTIONAL!r}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Hidden)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program without what no lock names, and LightGBM would import for seconds."""
GOLDEN, EXPECTED = "golden.csv", "golden_predictions.csv"


@dataclass(frozen=True)
class Scored:
    """What a program said of the golden rows, beside what the server had said."""

    program: str
    rows: int
    largest: float
    """Largest difference, relative to a prediction's size where that is above 1."""


def foreign(bundle: Bundle, *, fresh: bool = False) -> list[str]:
    """Return what `score` would run of a bundle and is not what this version ships.

    A lock names packages, and where to get them: with `fresh` it is code like the programs.
    """
    folder = resources.files("ml_assets.stages.release.scoring")
    run = {name: (name,) for name in PROGRAMS} | (LOCKS if fresh else {})
    return [
        name
        for name, known in run.items()
        if name in bundle.files
        and all(folder.joinpath(item).read_bytes() != bundle.files[name] for item in known)
    ]


def score(bundle: Bundle, *, fresh: bool = False) -> tuple[list[Scored], list[Problem]]:
    """Run a bundle's programs on its golden rows and compare.

    Each runs in an isolated process: with `fresh` in a new virtual environment that holds what
    its lock names and nothing else, otherwise in this installation's Python.
    """
    scored, found = [], []
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name)
        for file, content in bundle.files.items():
            (folder / file).write_bytes(content)
        for program, lock in PROGRAMS.items():
            if program not in bundle.files:
                continue
            try:
                here = [sys.executable, "-I", "-c", ALONE]
                python = [_environment(folder, lock), "-I"] if fresh else here
                said = _run([*python, program, GOLDEN], folder)
                result = _compared(program, said, bundle.files[EXPECTED])
            except BundleError as error:
                found.append(Problem(program, str(error)))
                continue
            scored.append(result)
            if result.largest > TOLERANCE:
                said_off = f"predicts up to {result.largest:.3g} beside what the server did"
                found.append(Problem(program, f"{said_off}, over {TOLERANCE:g}"))
    return scored, found


def _environment(folder: Path, lock: str) -> str:
    """Return the Python of a new virtual environment with a lock installed."""
    place = folder / f"env-{lock.removesuffix('.txt')}"
    _run([sys.executable, "-I", "-m", "venv", str(place)], folder)
    python = str(place / "bin" / "python")
    pip = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    _run([python, *pip, "--require-hashes", "--only-binary", ":all:", "-r", lock], folder)
    return python


def _run(command: list[str], folder: Path) -> bytes:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
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
        raise BundleError(f"ended with code {done.returncode}: {lines[-1] if lines else ''}")
    return done.stdout


def _quiet(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the environment without what would lead Python to other code or our home."""
    for name, value in environ.items():
        if not name.startswith(("PYTHON", "ML_ASSETS", "DAGSTER", "MLFLOW", "COVERAGE")):
            yield name, value


def _compared(program: str, said: bytes, wanted: bytes) -> Scored:
    got, expected = _rows(said), _rows(wanted)
    if got[0] != expected[0] or len(got) != len(expected):
        raise BundleError(
            f"wrote {len(got) - 1} rows of {', '.join(got[0])}; wanted {len(expected) - 1} of "
            f"{', '.join(expected[0])}"
        )
    pairs = [
        (float(a), float(b))
        for mine, theirs in zip(got[1:], expected[1:], strict=True)
        for a, b in zip(mine, theirs, strict=True)
    ]
    largest = max((_off(a, b) for a, b in pairs), default=0.0)
    return Scored(program, len(expected) - 1, largest)


def _off(got: float, wanted: float) -> float:
    off = abs(got - wanted) / max(1.0, abs(wanted))
    return math.inf if math.isnan(off) else off


def _rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(errors="replace")))) or [[]]
