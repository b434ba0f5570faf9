"""What a shell completes: names of assets, models and datasets of the project here.

Nothing is said where there is no project: a shell that completes must not print errors.
"""

from __future__ import annotations

from ml_assets.errors import MlAssetsError
from ml_assets.plan.lineage import edges
from ml_assets.plan.workspace import locate
from ml_assets.spec.project import read_project


def assets(incomplete: str) -> list[str]:
    """Return the assets that begin like this."""
    try:
        known = edges(read_project(locate().defs))
    except MlAssetsError:
        return []
    return [a for a in known if a.startswith(incomplete) and not a.endswith("/landing")]


def groups(incomplete: str) -> list[str]:
    """Return the models and datasets that begin like this."""
    try:
        project = read_project(locate().defs)
    except MlAssetsError:
        return []
    return [name for name in (*project.models, *project.datasets) if name.startswith(incomplete)]
