"""Shell completion: names of the assets, models and datasets of the current project.

Without a project there are no completions: a completing shell must not print errors.
"""

from __future__ import annotations

from ml_assets.assets.edges import edges
from ml_assets.errors import MlAssetsError
from ml_assets.spec.project import Project, read_project
from ml_assets.workspace import locate


def assets(incomplete: str) -> list[str]:
    """Return the assets whose names start with `incomplete`."""
    project = _project()
    known = edges(project) if project is not None else {}
    return [a for a in known if a.startswith(incomplete) and not a.endswith("/landing")]


def groups(incomplete: str) -> list[str]:
    """Return the models and datasets whose names start with `incomplete`."""
    return [*models(incomplete), *datasets(incomplete)]


def models(incomplete: str) -> list[str]:
    """Return the models whose names start with `incomplete`."""
    project = _project()
    known = project.models if project is not None else {}
    return [name for name in known if name.startswith(incomplete)]


def datasets(incomplete: str) -> list[str]:
    """Return the datasets whose names start with `incomplete`."""
    project = _project()
    known = project.datasets if project is not None else {}
    return [name for name in known if name.startswith(incomplete)]


def _project() -> Project | None:
    try:
        workspace = locate()
        return read_project(workspace.defs, workspace.claims)
    except MlAssetsError:
        return None
