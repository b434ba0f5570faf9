"""The second process of a run: `python -m ml_assets.graph.ahead_child`, asked by `ahead`.

It fills the action cache and writes nothing else: what is current, and what people see, is
the run's own doing. It ends with its stdin.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from ml_assets.assets.cells import Unit
from ml_assets.assets.registry import KINDS
from ml_assets.graph.boundary import boundary
from ml_assets.plan.code import Sources
from ml_assets.plan.imports import Imports, libraries_of
from ml_assets.plan.plan import Planner, units
from ml_assets.plan.run import ActionRunner
from ml_assets.plan.session import Shared
from ml_assets.plan.workspace import locate


def work(request: dict[str, Any]) -> None:
    """Make the units of the wanted cells, first to last."""
    workspace = locate(Path(request["defs"]))
    planner = Planner(workspace, workspace.open_home())
    runner = ActionRunner(
        workspace,
        planner.home,
        Sources(workspace.roots),
        boundary=boundary(planner.project),
        token=request["token"],
        project=planner.project,
    )
    shared = Shared(runner, [])
    session = planner.session(shared=shared)
    wanted = set(request["cells"])
    mine = [u for u in units(session) if wanted & {str(cell) for cell in u.cells()}]
    shared.spare += [unit for unit in mine if KINDS[unit.kind].spare][::-1]
    for unit in _order(mine):
        try:
            session.make(unit)
        except Exception:
            # Not lost: the run meets the same fault at its own turn, and tells it.
            traceback.print_exc()


def _order(found: list[Unit]) -> list[Unit]:
    """Return units kind by kind, the last model first: the run itself begins with the first."""
    ordered: list[Unit] = []
    for kind in KINDS:
        mine = [unit for unit in found if unit.kind == kind]
        groups = list(dict.fromkeys(unit.group for unit in mine))
        for group in groups if kind == "batch" else groups[::-1]:
            ordered += [unit for unit in mine if unit.group == group]
    return ordered


def main() -> None:
    """Read the request, work on it, and end at once when stdin does."""
    _import_until_asked()
    line = sys.stdin.readline()
    if not line:
        return
    request = json.loads(line)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    os.environ |= request["settings"]
    with Path(request["log"]).open("ab") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    work(request)


def _import_until_asked() -> None:
    """Import what most runs need, piece by piece, until the request is there."""
    imports = Imports(["dagster_pandas", *libraries_of(("batch", "features", "candidate"))])
    while not select.select([sys.stdin], [], [], 0)[0] and imports.one():
        pass


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
