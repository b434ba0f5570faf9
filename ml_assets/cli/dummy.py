"""statistics, dummy: data that are not there yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ml_assets.cli.console import out
from ml_assets.cli.data import Dataset
from ml_assets.cli.here import opened_for
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.errors import RequestError
from ml_assets.stages.counted import counted
from ml_assets.stages.statistics.document import LEAST
from ml_assets.walk import shown


def _split(batches: str | None) -> list[str]:
    return [part.strip() for part in (batches or "").split(",") if part.strip()]


@guarded
def statistics(
    dataset: Dataset,
    to: Annotated[
        Path | None, typer.Option("--out", help="The file to write; else stdout.")
    ] = None,
    least: Annotated[
        int, typer.Option(min=2, help="Nothing is said of fewer rows than this.")
    ] = LEAST,
    batches: Annotated[str | None, typer.Option(help="Only these, like 2024-01,2024-02.")] = None,
    correlations: Annotated[
        bool, typer.Option(help="Whether rank correlations of columns are said.")
    ] = True,
    as_json: bool = JSON,
) -> None:
    """Write statistics of a dataset in which no row can be found, to be handed over in its place.

    Read the file before it leaves. `ml-assets dummy DATASET --from FILE` makes rows of it.

    Example: ml-assets statistics flights --out flights.statistics.json
    """
    from ml_assets.operations.dummy import statistics as measured

    if to is not None and to.exists():
        raise RequestError(f"{shown(to)} already exists; remove it, or give another --out")
    planner = opened_for(dataset)
    document = measured(
        planner, dataset, least=least, correlations=correlations, batches=_split(batches)
    )
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    if to is not None:
        to.write_text(text, encoding="utf-8")
    if as_json:
        emit({"file": None if to is None else str(to), "statistics": document})
        return
    if to is None:
        typer.echo(text, nl=False)
        return
    columns = counted(len(document["columns"]), "column")
    out.print(f"{shown(to)}: {columns} of {document['rows']:,} rows; read it before it leaves")


@guarded
def dummy(
    dataset: Dataset,
    rows: Annotated[int, typer.Option(min=1, help="How many rows, of each batch.")],
    batches: Annotated[
        str | None, typer.Option(help="Which batches, like 2024-01,2024-02; none of a snapshot.")
    ] = None,
    known: Annotated[
        Path | None, typer.Option("--from", help="A file that `ml-assets statistics` wrote.")
    ] = None,
    faults: Annotated[
        bool, typer.Option("--faults", help="Also a row of each kind that checks are for.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other rows.")] = 0,
    to: Annotated[Path, typer.Option("--out", help="The folder to write to.")] = Path("."),
    as_json: bool = JSON,
) -> None:
    """Write files of made-up rows that keep a dataset's contract.

    Without --from the contract alone says what values look like. Whatever is made of such rows is
    marked as dummy, and no model that saw them becomes champion.

    Example: ml-assets dummy flights --rows 1000 --batches 2024-01 --from flights.statistics.json
    """
    from ml_assets.operations.dummy import Wanted, dummy_files, read_statistics

    planner = opened_for(dataset)
    document = None if known is None else read_statistics(known, dataset)
    wanted = Wanted(rows, _split(batches), seed, faults)
    made = dummy_files(planner, dataset, wanted, document, to)
    if as_json:
        emit({"files": made})
        return
    for file in made:
        short = f", of {rows:,} asked for" if file["rows"] < rows else ""
        wrong = f", {counted(len(file['faults']), 'fault')}" if file["faults"] else ""
        out.print(f"{shown(Path(file['file']))}: {counted(file['rows'], 'row')}{short}{wrong}")
        if file["not_planted"]:
            out.print(f"  no row was found that breaks {', '.join(file['not_planted'])}")
    out.print(f"next: ml-assets land {dataset} {' '.join(shown(Path(f['file'])) for f in made)}")
