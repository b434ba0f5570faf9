"""The project and home that a command works on; the home is closed as the command ends.

Left open, it would hold files and locks until the process ends.
"""

from __future__ import annotations

import re
from contextlib import ExitStack

from ml_assets.cli.console import err, styled
from ml_assets.engine.plan import Planner
from ml_assets.errors import SpecError
from ml_assets.spec.project import read_for, read_project, read_valid
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace, locate

homes = ExitStack()
"""Each command enters this stack; when it ends, every home it opened is closed."""


def opened(about: str | None = None, *, partly: bool = False) -> Planner:
    """Return a planner for the current folder's project, open until the command ends.

    `about` is what a command asks for (assets, a model). Specs that are wrong and not among it are
    left out, and said. Raises SpecError for those that are, and without `partly` for any if it asks
    for all.
    """
    workspace, home = home_opened()
    project, wrong = read_valid(workspace.defs, home.claims.read)
    if not wrong:
        return Planner(workspace, home, project)
    asked = set(re.findall(r"[\w-]+", about or ""))
    if asked & set(wrong) or not (asked or partly):
        others = [*project.own, *project.models]
        if others and not asked:
            specs = "the spec of" if len(others) == 1 else "the specs of"
            verb = "is" if len(others) == 1 else "are"
            err.print(
                f"{specs} {', '.join(others)} {verb} valid; to work on one of them, name it, such "
                f"as `ml-assets run group:{others[0]}`"
            )
        if not asked:
            # Without what only follows from another mistake.
            read_project(workspace.defs, home.claims.read)
        raise SpecError("\n".join(said for problems in wrong.values() for said in problems))
    for problems in wrong.values():
        for said in problems:
            err.print(styled(("left out", "yellow"), f" {said}"))
    return Planner(workspace, home, project)


def opened_for(dataset: str) -> Planner:
    """Return a planner that reads only datasets, so that errors in a model do not matter.

    Raises SpecError for an error in the dataset, UnknownName if there is no such dataset.
    """
    workspace, home = home_opened()
    return Planner(workspace, home, read_for(workspace.defs, dataset))


def home_opened() -> tuple[Workspace, Home]:
    """Return the workspace and the open home, for commands that need no specs."""
    workspace = locate()
    home = workspace.open_home()
    homes.callback(home.close)
    return workspace, home
