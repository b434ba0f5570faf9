"""The project and home that a command works on; the home is closed as the command ends.

Left open, it would hold files and locks until the process ends.
"""

from __future__ import annotations

from contextlib import ExitStack

from ml_assets.engine.plan import Planner
from ml_assets.spec.project import read_for
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace, locate

homes = ExitStack()
"""Each command enters this stack; when it ends, every home it opened is closed."""


def opened() -> Planner:
    """Return a planner for the current folder's project, open until the command ends."""
    return Planner(*home_opened())


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
