"""`dg scaffold defs`: the same files as `ml-assets new`, in the folder that dg has made.

Belongs here: what dg hands over, and mistakes as it shows them. Does not belong here: Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from ml_assets.engine.plan import Planner
from ml_assets.errors import MlAssetsError, RequestError
from ml_assets.scaffold.model import Asked
from ml_assets.scaffold.write import new_dataset, new_model
from ml_assets.spec.project import read_for
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace, locate


def scaffold_dataset(folder: Path, form: str, file: list[str], **more: Any) -> None:
    """Write a dataset's spec into a folder; a RequestError becomes dg's message."""
    with _opened(folder, form) as (workspace, home):
        if not file:
            raise RequestError("wanted --file FILE: the file that the dataset is read from")
        draft = new_dataset(workspace, home, folder.name, [Path(name) for name in file], **more)
        for note in draft.notes:
            click.echo(f"note: {note}", err=True)


def scaffold_model(
    folder: Path,
    form: str,
    dataset: str,
    file: list[str],
    group: list[str],
    keep: list[str],
    **more: Any,
) -> None:
    """Write a model's spec into a folder; an UnknownName becomes dg's message."""
    with _opened(folder, form) as (workspace, home):
        project = read_for(workspace.defs, dataset)
        files = tuple(Path(name) for name in file)
        asked = Asked(
            folder.name, dataset, files=files, group=tuple(group), keep=tuple(keep), **more
        )
        new_model(Planner(workspace, home, project), asked)


@contextmanager
def _opened(folder: Path, form: str) -> Iterator[tuple[Workspace, Home]]:
    """Give the project; a mistake (RequestError) is dg's message, and leaves no empty folder."""
    try:
        workspace = locate(folder)
        if form != "yaml":
            raise RequestError(f"got --format {form}, wanted yaml: these components are files")
        if folder.parent != workspace.defs:
            raise RequestError(f"{folder} is not directly in {workspace.defs}; wanted one name")
        home = workspace.open_home()
        try:
            yield workspace, home
        finally:
            home.close()
    except MlAssetsError as error:
        with suppress(OSError):
            folder.rmdir()
        raise click.ClickException(str(error)) from None
