"""contract: what a dataset promises, in a standard that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_assets.cli.data import Dataset
from ml_assets.cli.new import tell
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.errors import RequestError
from ml_assets.stages.counted import counted
from ml_assets.workspace import locate


@guarded
def contract(
    dataset: Dataset,
    odcs: Annotated[
        bool, typer.Option("--odcs", help="As Open Data Contract Standard 3.1, in YAML.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="The file to write; by default stdout.")] = None,
    as_json: bool = JSON,
) -> None:
    """Write a dataset's spec as a data contract; nothing of it is lost.

    An existing file is not changed: what would differ is printed as a patch.

    Example: ml-assets contract flights --odcs --to flights.odcs.yaml
    """
    from ml_assets.odcs.write import export_dataset

    if not odcs:
        raise RequestError("no standard was given; add --odcs, for the Open Data Contract Standard")
    export = export_dataset(locate(), dataset, to)
    if as_json:
        file = None if to is None else str(to)
        emit({"file": file, "contract": export.contract, "patch": export.patch})
    elif to is None:
        typer.echo(export.text, nl=False)
    else:
        tell(to, export.patch, counted(len(export.contract["schema"][0]["properties"]), "column"))
