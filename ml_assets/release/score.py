"""Scoring a bundle's golden rows as whoever has only the bundle would: in a process of its own.

Belongs here: starting the programs, comparing predictions. Does not belong here: trust
(a bundle's programs are code: `trusted` decides before anything runs).
"""

from __future__ import annotations

import csv
import io
import math
import sys
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ml_assets.children import light
from ml_assets.errors import BundleError
from ml_assets.release.read import Bundle, Problem
from ml_assets.release.virtualenvs import environment, run
from ml_assets.stages.release.onnx import TOLERANCE

PROGRAMS = {"score.py": "requirements.txt", "score_edge.py": "requirements-edge.txt"}
"""What scores, and the lock that it needs."""
LOCKS = {
    "requirements.txt": ("numpy.txt", "lightgbm.txt"),
    "requirements-edge.txt": ("onnxruntime.txt",),
}
"""Under which names a lock is shipped."""
ALONE = f"""{Path(light.__file__).read_text(encoding="utf-8")}
import runpy, sys
sys.meta_path.insert(0, Hidden)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program without what no lock names, and LightGBM would import for seconds."""
INSTEAD = "All bytes are correct; --this-environment scores with the packages installed here"
GOLDEN, EXPECTED = "golden.csv", "golden_predictions.csv"


@dataclass(frozen=True)
class Scored:
    """What a program said of the golden rows, beside what the server had said."""

    program: str
    rows: int
    largest: float
    """Largest difference, relative to a prediction's size where that is above 1."""


def foreign(bundle: Bundle, *, here: bool = False) -> list[str]:
    """Return what `score` would use of a bundle and is not what this version ships.

    A lock names packages, and where to get them: unless all is scored `here` it is code too.
    """
    folder = resources.files("ml_assets.stages.release.scoring")
    used = {name: (name,) for name in PROGRAMS} | ({} if here else LOCKS)
    return [
        name
        for name, known in used.items()
        if name in bundle.files
        and all(folder.joinpath(item).read_bytes() != bundle.files[name] for item in known)
    ]


def score(bundle: Bundle, *, here: bool = False) -> tuple[list[Scored], list[Problem]]:
    """Run a bundle's programs on its golden rows and compare.

    Each runs in an isolated process: in an environment that holds what its lock names and
    nothing else, or, with `here`, in this installation's Python.
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
                python = [sys.executable, "-I", "-c", ALONE]
                if not here:
                    python = [environment(bundle.files[lock]), "-I", "-B"]
            except BundleError as error:
                found.append(Problem(lock, f"could not be installed: {error}. {INSTEAD}"))
                continue
            try:
                said = run([*python, program, GOLDEN], folder)
                result = _compared(program, said, bundle.files[EXPECTED])
            except BundleError as error:
                found.append(Problem(program, str(error)))
                continue
            scored.append(result)
            if result.largest > TOLERANCE:
                said_off = f"predicts up to {result.largest:.3g} beside what the server did"
                found.append(Problem(program, f"{said_off}, over {TOLERANCE:g}"))
    return scored, found


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
