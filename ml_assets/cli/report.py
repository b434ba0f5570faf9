"""report: the current report of a model or dataset, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_assets.cli.complete import groups
from ml_assets.cli.console import err, out
from ml_assets.cli.here import opened
from ml_assets.cli.inspect import Partition
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.engine.reports import OUTPUT, page, report_of


@guarded
def report(
    name: Annotated[
        str,
        typer.Argument(
            help="A model, a dataset or one of their reports, e.g. flight_delay/evaluation_report.",
            autocompletion=groups,
        ),
    ],
    partition: Partition = None,
    to: Annotated[
        Path | None, typer.Option(help="The file to write; by default in the home.")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    as_json: bool = JSON,
) -> None:
    """Write the current report of a model or dataset to one offline HTML file.

    If there is a report for each batch, the newest batch's without --partition.

    Example: ml-assets report flight_delay --open
    """
    planner = opened(name)
    stored = report_of(planner, name, partition)
    path = to or page(planner.home, stored.current)
    if to is not None:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(planner.home.objects.read(stored.current.outputs[OUTPUT].digest))
    if open_it and typer.launch(str(path)) != 0:
        err.print(f"no program can open {path.name} here; open it yourself")
    if as_json:
        emit({"report": str(stored.cell), "version": stored.version, "file": str(path)})
    else:
        out.print(f"{stored.cell}:{stored.version} {path}")
