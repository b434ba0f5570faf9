"""Writing the spec of a new dataset or model, for the command line and for `dg scaffold`.

Belongs here: names, places, and what must be there before. Does not belong here: what is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from ml_assets.engine.deliveries import problem
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError, UnknownName
from ml_assets.guess.profile import Profile
from ml_assets.guess.propose import proposed
from ml_assets.scaffold.keep import write_or_patch
from ml_assets.scaffold.names import group_name
from ml_assets.scaffold.rows import remember
from ml_assets.spec.project import MODEL
from ml_assets.store.home import Home
from ml_assets.walk import shown
from ml_assets.workspace import PACKAGE, Workspace, inside_project

if TYPE_CHECKING:
    from ml_assets.scaffold.model import Asked, Written

ORDERS = ("dmy", "mdy")


@dataclass(frozen=True)
class NewDataset:
    """A dataset's spec, written or as a patch to the one that is there."""

    path: Path
    patch: str | None
    profile: Profile
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NewModel:
    """A model's spec, written or as a patch to the one that is there."""

    path: Path
    patch: str | None
    written: Written


def new_dataset(
    workspace: Workspace,
    home: Home,
    name: str,
    files: Sequence[Path],
    dates: str | None = None,
    header: bool | None = None,
) -> NewDataset:
    """Write a dataset's spec from its files.

    RequestError or UnknownName says what of the request will not do.
    """
    path = place_of_dataset(workspace, name)
    if dates is not None and dates not in ORDERS:
        raise UnknownName.of("order of dates", dates, ORDERS)
    if not files:
        raise RequestError("wanted the file, or the files, that the dataset is read from")
    looked = [(shown(file), problem(file)) for file in files if file.is_dir()]
    folders = [f"{name} {wrong}" for name, wrong in looked if wrong is not None]
    absent = [shown(file) for file in files if not file.exists()]
    if folders or absent:
        said = [f"no such file: {', '.join(absent)}"] if absent else []
        said += folders
        raise RequestError("; ".join(said))
    proposal = proposed(name, list(files), cast(Literal["dmy", "mdy"] | None, dates), header)
    patch = write_or_patch(path, proposal.text)
    remember(home, name, files)
    return NewDataset(path, patch, proposal.profile, tuple(proposal.notes))


def place_of_dataset(workspace: Workspace, name: str) -> Path:
    """Return the file of a new dataset's spec; RequestError if it cannot be called or lie so."""
    _needs_project(workspace)
    return workspace.defs / group_name("dataset", name, _models(workspace.defs)) / "defs.yaml"


def new_model(planner: Planner, asked: Asked) -> NewModel:
    """Write a model's spec from its target; RequestError says what of the request will not do."""
    # What finds leaks loads scipy and scikit-learn.
    from ml_assets.scaffold.model import model_text

    _needs_project(planner.workspace)
    group_name("model", asked.name, planner.project.datasets)
    written = model_text(planner, asked)
    path = planner.workspace.defs / asked.name / "defs.yaml"
    return NewModel(path, write_or_patch(path, written.text), written)


def _needs_project(workspace: Workspace) -> None:
    """Raise RequestError where a spec would be written into the package that is installed."""
    if workspace.defs.is_relative_to(PACKAGE) and not inside_project():
        raise RequestError(
            "there is no project in this folder or above it; "
            "make one with `ml-assets init DIR` and go there"
        )


def _models(defs: Path) -> list[str]:
    """Return the names that models have, valid or not."""
    files = sorted(defs.glob("*/defs.yaml"))
    return [file.parent.name for file in files if MODEL in file.read_text("utf-8", "replace")]
