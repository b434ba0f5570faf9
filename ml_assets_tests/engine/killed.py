"""Runs of the toy project that are killed at their n-th write; each in a forked process.

    python -m ml_assets_tests.engine.killed each PROJECT    one batch, at one write after the other
    python -m ml_assets_tests.engine.killed often PROJECT   everything, killed again and again

Prints one JSON document a line. What is wrapped is called as it is: nothing is replaced.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_assets.engine.checks import CHECKS
from ml_assets.store import object_files, objects
from ml_assets.store.records import Records
from ml_assets_tests import processes, warm
from ml_assets_tests.projects import Toy

HEAVY = [
    "ml_assets.stages.ingest",
    "ml_assets.stages.clean",
    *(entry.stage.split(":")[0] for entry in CHECKS),
    "pandera.strategies.pandas_strategies",
    "threadpoolctl",
    "ml_assets.stages.features",
    "ml_assets.stages.split.time",
    "ml_assets.stages.train.fit",
    "ml_assets.stages.evaluate.evaluate",
    "sklearn.linear_model",
    "matplotlib.figure",
]


def _killed_at(count: int) -> list[str]:
    """Let this process kill itself before its n-th write; return the names of those passed."""
    passed: list[str] = []
    numbers = itertools.count(1)

    def point(name: str) -> None:
        passed.append(name)
        if next(numbers) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(owner: Any, attribute: str, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, attribute)

        def wrapped(*arguments: Any, **options: Any) -> Any:
            point(name)
            return real(*arguments, **options)

        setattr(owner, attribute, wrapped)

    before(object_files.os, "replace", "rename")
    before(objects, "insert_missing", "object row")
    before(Records, "record_action", "action")
    before(Records, "record", "versions")
    before(Records, "_record", "one version")
    return passed


def _forked(root: Path, count: int, only: str | None) -> tuple[int, dict[str, Any]]:
    """Run a project in a forked process; return its end (0, or the signal) and what it says."""
    note = root / "note.json"
    note.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            passed = _killed_at(count)
            toy = Toy(root)
            kinds = ["group:prices or group:sales", None] if only is None else ["group:prices"]
            faults = [fault for kind in kinds for fault in toy.make(kind, only=only).faults]
            said = {"faults": faults, "digests": toy.digests(), "passed": passed}
            toy.close()
            note.write_text(json.dumps(said))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status), {}
    return os.WEXITSTATUS(status), json.loads(note.read_text())


def _left(root: Path) -> list[str]:
    """Return the names of files that are no whole object."""
    folder = root / "data" / "objects" / "tmp"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _each(project: Path) -> None:
    month = "2020-01"
    code, whole = _forked(_copy(project, "whole"), 0, month)
    assert code == 0
    print(json.dumps({"passed": whole["passed"]}), flush=True)
    for count, name in enumerate(whole["passed"], start=1):
        # The later actions write as the first does: of them each sixth write is enough.
        if 10 < count < len(whole["passed"]) - 2 and count % 6:
            continue
        root = _copy(project, "killed")
        killed, _ = _forked(root, count, month)
        half = len(_left(root))
        ended, said = _forked(root, 0, month)
        found = {
            "at": name,
            "codes": [killed, ended],
            "half written": half,
            "left": _left(root),
            "same": said.get("digests") == whole["digests"],
        }
        print(json.dumps(found), flush=True)


def _often(project: Path) -> None:
    for count in (9, 64, 127, 41, 0):
        code, said = _forked(project, count, None)
        print(json.dumps({"code": code, "left": _left(project), **said}), flush=True)


def _copy(project: Path, name: str) -> Path:
    target = project.with_name(name)
    shutil.rmtree(target, ignore_errors=True)
    processes.copy(project, target)
    return target


if __name__ == "__main__":
    # Once, not in every process: what is imported, and what is parsed.
    for module in HEAVY:
        importlib.import_module(module)
    toy = Toy(Path(sys.argv[2]))
    toy.plan()
    toy.close()
    with warm.python():
        {"each": _each, "often": _often}[sys.argv[1]](Path(sys.argv[2]))
