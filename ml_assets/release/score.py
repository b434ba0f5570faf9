"""Scores a bundle's golden rows in a separate process, as a user with only the bundle would.

Belongs here: starting the programs, comparing predictions. Does not belong here: trust
(a bundle's programs are code: `trusted` decides before anything runs).
"""

from __future__ import annotations

import csv
import io
import math
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ml_assets.children import optional
from ml_assets.errors import BundleError
from ml_assets.release.read import Bundle, FileProblem, document
from ml_assets.release.virtualenvs import environment, run
from ml_assets.stages.intervals import apply
from ml_assets.stages.release.files import ROWS
from ml_assets.stages.release.onnx import TOLERANCE
from ml_assets.stages.release.release import APPLY, ELEMENTS, ESTIMATOR
from ml_assets.stages.train import elements, estimator

PROGRAMS = {"score.py": "requirements.txt", "score_edge.py": "requirements-edge.txt"}
"""Each scoring program, and the lock that it needs."""
_POINT = ("score_base.py", "score.py", "score_prepared.py")
_PROBABILITY = (*_POINT, "score_intervals.py")
_FEATURES = (*_PROBABILITY, "score_classes.py")
_EDGE = ("score_edge.py", "score_edge_prepared.py")
CODE = {
    "score.py": (*_FEATURES, "score_rows.py"),
    "score_features.py": _FEATURES,
    "score_probability.py": _PROBABILITY,
    "score_point.py": _POINT,
    "score_model.py": ("score_base.py", "score.py"),
    "score_base.py": ("score_base.py",),
    "score_edge.py": (*_EDGE, "score_intervals.py", "score_classes.py"),
    "score_edge_probability.py": (*_EDGE, "score_intervals.py"),
    "score_edge_point.py": _EDGE,
    "score_edge_model.py": ("score_edge.py",),
}
"""The names under which a program is shipped."""
LOCKS = {
    "requirements.txt": ("numpy.txt", "lightgbm.txt", "sklearn.txt"),
    "requirements-edge.txt": ("onnxruntime.txt",),
    "requirements-rows.txt": ("rows.txt",),
}
"""The names under which a lock is shipped."""
ALONE = f"""{Path(optional.__file__).read_text(encoding="utf-8")}
import runpy, sys
sys.meta_path.insert(0, Hidden)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program without slow optional imports of LightGBM, which no lock names."""
INSTEAD = "All bytes are correct; --this-environment scores with the packages installed here"
GOLDEN, EXPECTED = "golden.csv", "golden_predictions.csv"


@dataclass(frozen=True)
class Scored:
    """A program's predictions for the golden rows, compared with the server's."""

    program: str
    rows: int
    largest: float
    """Largest difference, relative to the prediction if that is above 1."""


def foreign(bundle: Bundle, *, here: bool = False) -> list[str]:
    """Return the files that `score` would use of a bundle and that this version does not ship.

    A lock names packages and their sources, so unless all is scored `here` it counts as code.
    """
    folder = resources.files("ml_assets.stages.release.scoring")
    used = CODE | ({} if here else LOCKS)
    differing = [
        name
        for name, known in used.items()
        if name in bundle.files
        and all(folder.joinpath(item).read_bytes() != bundle.files[name] for item in known)
    ]
    modules = {
        ELEMENTS: elements.__file__,
        APPLY: apply.__file__,
        ESTIMATOR: estimator.__file__,
    }
    for name, path in modules.items():
        known = Path(path).read_bytes()
        differing += [name] if bundle.files.get(name, known) != known else []
    return differing


def score(
    bundle: Bundle, *, here: bool = False, rows: bool = False
) -> tuple[list[Scored], list[FileProblem]]:
    """Run a bundle's programs on its golden rows and compare.

    Each runs in an isolated process: in a virtualenv with exactly the packages of its lock or,
    with `here`, in this installation's Python. With `rows`, golden raw rows are scored too, by the
    project's code in the bundle.
    """
    scored, problems = [], []
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name)
        for file, content in bundle.files.items():
            (folder / file).write_bytes(content)
        for item in _runs(bundle, rows):
            try:
                python = [sys.executable, "-I", *(["-c", ALONE] if item.light else [])]
                if not here:
                    python = [environment(bundle.files[item.lock]), "-I", "-B"]
            except BundleError as error:
                problems.append(
                    FileProblem(item.lock, f"could not be installed: {error}. {INSTEAD}")
                )
                continue
            program = item.arguments[0]
            try:
                said = run([*python, *item.arguments], folder)
                result = _compared(item, said, bundle.files[item.expected])
            except BundleError as error:
                problems.append(FileProblem(program, str(error)))
                continue
            scored.append(result)
            if result.largest > TOLERANCE:
                said_off = f"differs from what the server predicted by up to {result.largest:.3g}"
                problems.append(FileProblem(program, f"{said_off}, over {TOLERANCE:g}"))
    return scored, problems


@dataclass(frozen=True)
class _Run:
    """A program, what it is given, and the file that says what it should answer."""

    arguments: tuple[str, ...]
    lock: str
    expected: str = EXPECTED
    light: bool = True
    """Whether it does without slow imports."""
    name: str = ""


def _runs(bundle: Bundle, rows: bool) -> Iterator[_Run]:
    for program, lock in PROGRAMS.items():
        if program in bundle.files:
            light = ESTIMATOR not in bundle.files
            yield _Run((program, GOLDEN), lock, light=light, name=program)
    golden = document(bundle.files.get(ROWS, b"")).get("golden") or {}
    if rows and golden.get("file"):
        joins = [
            f"--join={name}@{batch}={file}"
            for name, files in golden["joins"].items()
            for batch, file in files.items()
        ]
        joins += [f"--batch={golden['batch']}"] if golden.get("batch") else []
        given = ("score.py", golden["file"], *joins)
        expected = str(golden["predictions"])
        yield _Run(given, "requirements-rows.txt", expected, False, "score.py (raw rows)")


def _compared(item: _Run, said: bytes, wanted: bytes) -> Scored:
    got, expected = _rows(said), _rows(wanted)
    if not item.light:
        # Beside the predictions an answer to raw rows says what is wrong with them.
        at = [got[0].index(name) for name in expected[0] if name in got[0]]
        got = [[row[place] for place in at] for row in got]
    if got[0] != expected[0] or len(got) != len(expected):
        raise BundleError(
            f"wrote {len(got) - 1} rows of {', '.join(got[0])}; wanted {len(expected) - 1} of "
            f"{', '.join(expected[0])}"
        )
    pairs = [
        pair
        for mine, theirs in zip(got[1:], expected[1:], strict=True)
        for pair in zip(mine, theirs, strict=True)
    ]
    largest = max((_off(a, b) for a, b in pairs), default=0.0)
    return Scored(item.name, len(expected) - 1, largest)


def _off(got: str, wanted: str) -> float:
    """Return how far off a field is: infinitely, if one of them is not a number."""
    if got == wanted:
        return 0.0
    try:
        off = abs(float(got) - float(wanted)) / max(1.0, abs(float(wanted)))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(off) else off


def _rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(errors="replace")))) or [[]]
