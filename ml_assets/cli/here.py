"""The project and home that a command works on; the home is closed as the command ends.

Left open, it would keep files and locks for as long as the process lives.
"""

from __future__ import annotations

from contextlib import ExitStack

from ml_assets.engine.plan import Planner
from ml_assets.errors import UnknownName
from ml_assets.spec.project import read_for
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace, locate

homes = ExitStack()
"""Entered by each command; at its end every home that it opened is closed."""


def opened() -> Planner:
    """Return a planner for the project around the current folder, open until the command ends."""
    return Planner(*home_opened())


def opened_for(dataset: str) -> Planner:
    """Return a planner that knows datasets alone, so that no mistake in a model is in the way.

    Raises SpecError for a mistake in the dataset, UnknownName where there is none of this name.
    """
    workspace, home = home_opened()
    project = read_for(workspace.defs, dataset)
    if dataset not in project.datasets:
        raise UnknownName.of("dataset", dataset, project.datasets)
    return Planner(workspace, home, project)


def home_opened() -> tuple[Workspace, Home]:
    """Return where things are and the home alone, for what needs no specs."""
    workspace = locate()
    home = workspace.open_home()
    homes.callback(home.close)
    return workspace, home
