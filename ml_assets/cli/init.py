"""init: a new project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_assets.cli.console import out
from ml_assets.cli.output import JSON, emit, guarded


@guarded
def init(
    folder: Annotated[
        Path, typer.Argument(help="A new or empty folder; its name is the project's.")
    ],
    as_json: bool = JSON,
) -> None:
    """Write a new project: a package for the specs, a Makefile, a .gitignore.

    Example: ml-assets init shop
    """
    from ml_assets.scaffold.project import write_project

    package = write_project(folder)
    if as_json:
        emit({"project": str(folder.absolute()), "package": package})
        return
    out.print(f"wrote {folder}/, specs belong in {package}/defs/")
    there = "" if folder.absolute() == Path.cwd() else f"cd {folder} && "
    out.print(f"next: {there}ml-assets new dataset NAME FILE")
