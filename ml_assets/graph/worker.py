"""A run worker, as `workers` starts it.

It fills the action cache and writes nothing else; only the run makes results current and publishes
them.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_assets.assets.cells import Unit
from ml_assets.assets.registry import KINDS, made_by
from ml_assets.engine.plan import Planner, units
from ml_assets.engine.run import ActionRunner
from ml_assets.engine.session import Shared
from ml_assets.graph.boundary import boundary
from ml_assets.keys.code import Sources
from ml_assets.spec.project import read_valid
from ml_assets.workspace import locate


def answering(defs: str, number: str, count: str) -> Callable[[Any], None]:
    """Return the function that makes units of the wanted cells, as worker `number` of `count`."""
    return lambda request: _work(Path(defs), request, int(number) / int(count))


def _work(defs: Path, request: Any, start: float) -> None:
    workspace = locate(defs)
    # What a command left out is not among the cells that it wants.
    home = workspace.open_home()
    project, _ = read_valid(workspace.defs, home.claims.read)
    planner = Planner(workspace, home, project)
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
    for unit in ordered(mine, start):
        try:
            session.make(unit)
        except Exception:
            # Not lost: the run meets the same fault itself, and reports it.
            traceback.print_exc()


def ordered(all_units: list[Unit], start: float = 0.0) -> list[Unit]:
    """Return units by kind, the last model first, since the run itself starts with the first.

    Of batches the run starts with the last (`engine/make`). Each run worker starts at another
    unit of each kind, given as a fraction of them.
    """
    order: list[Unit] = []
    for kind in KINDS:
        mine = [unit for unit in all_units if unit.kind == kind]
        groups = list(dict.fromkeys(unit.group for unit in mine))
        if made_by(kind)[0].owner == "model":
            groups = groups[::-1]
        units_ = [unit for group in groups for unit in mine if unit.group == group]
        first = int(start * len(units_))
        order += units_[first:] + units_[:first]
    return order
