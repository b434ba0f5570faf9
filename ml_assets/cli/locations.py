"""The code locations of `up`: the project's own, and those of other projects on the same home.

Belongs here: which code server each has. Does not belong here: starting them (`servers`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ml_assets.children.ports import free_port
from ml_assets.errors import RequestError
from ml_assets.workspace import DASK, Workspace, inside_project, locate, settings

OWN = "ml_assets"
"""The name of the project's own location."""


@dataclass(frozen=True)
class Location:
    """A code location, and its code server on this machine."""

    name: str
    module: str
    dagster: str
    """The program `dagster` of the project's own Python."""
    port: int
    environ: Mapping[str, str]
    folder: Path | None = None
    """Where it starts; None: in the current folder."""

    @property
    def server(self) -> str:
        """The name of its server and of that server's log."""
        return "code-server" if self.name == OWN else f"code-server-{self.name}"

    def command(self, host: str) -> list[str]:
        """Return the command of its code server."""
        return [self.dagster, "code-server", "start", "-m", self.module, "-h", host]


def locations(workspace: Workspace, beside: Sequence[Path] = ()) -> list[Location]:
    """Return the locations of a project and of the projects in other folders, on one home.

    Raises RequestError for a folder without a project, and for two projects of one name.
    """
    own = Path(sys.executable).with_name("dagster")
    found = [_location(OWN, workspace, own, None)]
    taken = {workspace.project}
    for folder in beside:
        other = _other(workspace, folder)
        if other.project in {*taken, OWN}:
            raise RequestError(
                f"--beside {folder}: a project {other.project} is served already; wanted folders "
                "of projects with different root modules"
            )
        taken.add(other.project)
        program = folder / ".venv" / "bin" / "dagster"
        root = folder.resolve()
        found.append(_location(other.project, other, program if program.is_file() else own, root))
    return found


def _other(workspace: Workspace, folder: Path) -> Workspace:
    if not folder.is_dir() or not inside_project(folder):
        raise RequestError(
            f"--beside {folder}: wanted the folder of another project, with a pyproject.toml that "
            "has [tool.dg.project]"
        )
    place = settings(workspace)
    if os.environ.get(DASK) is None:
        # Each project's settings say who runs its actions.
        place.pop(DASK)
    return locate(folder, place)


def _location(name: str, workspace: Workspace, dagster: Path, folder: Path | None) -> Location:
    module = f"{workspace.module.rpartition('.')[0] or OWN}.definitions"
    port = free_port()
    environ = {**settings(workspace), "DAGSTER_CODE_SERVER_PORT": str(port)}
    program = str(dagster if folder is None else dagster.absolute())
    return Location(name, module, program, port, environ, folder)
