"""score: the champion's predictions for the rows of a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ml_assets.cli.complete import models
from ml_assets.cli.console import err
from ml_assets.cli.here import opened
from ml_assets.cli.output import FAILED, JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.errors import RequestError
from ml_assets.stages.counted import counted


@guarded
def score(
    model: Annotated[str, typer.Argument(help="A model.", autocompletion=models)],
    file: Annotated[
        Path, typer.Argument(help="CSV or JSON Lines (also gzipped), Parquet or Excel.")
    ],
    to: Annotated[
        Path | None,
        typer.Option("--out", help="A .csv, .parquet or .jsonl; by default CSV on the terminal."),
    ] = None,
    features: Annotated[
        bool, typer.Option("--features", help="The rows are the model's inputs, not raw rows.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also what each feature contributes to each row.")
    ] = False,
    batch: Annotated[
        str | None,
        typer.Option(help="The batch of all rows, where the model joins batches."),
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Predict the rows of a file with the champion: as many rows out as in, in their order.

    Raw rows as they would land; columns that become known later are ignored. A row that breaks
    the contract has no prediction but a problem.

    Example: ml-assets score flight_delay flights-2013-12.csv --out predictions.csv
    """
    if as_json and to is None:
        raise RequestError("--json prints the counts; name a file for the predictions: --out FILE")
    if not file.is_file():
        raise RequestError(f"no such file: {file}")
    from ml_assets.history.coverage import off
    from ml_assets.serve.model import load
    from ml_assets.serve.score import Scoring
    from ml_assets.serve.written import format_of, streamed, written

    if to is not None:
        format_of(to)
    planner = opened()
    with working(f"scoring {file.name}"):
        loaded = load(planner.home, planner.project, model)
        scoring = Scoring(loaded, features=features, explain=explain, batch=batch)
        with streamed(sys.stdout.buffer) if to is None else written(to) as write:
            for answer in scoring.answers(file):
                write(answer)
    predicted = scoring.rows - scoring.problems.total()
    for warning in [*scoring.warnings, *off(scoring.state.scorer.coverage)]:
        err.print(f"note: {warning}")
    document: dict[str, Any] = {
        "model": model,
        "version": f"v{scoring.state.version}",
        "rows": scoring.rows,
        "predicted": predicted,
        "problems": dict(scoring.problems.most_common()),
        "intervals": (scoring.state.scorer.coverage or {}).get("text"),
        "out": None if to is None else str(to),
    }
    if as_json:
        emit(document)
    else:
        said = counted(predicted, "prediction")
        err.print(f"{model} v{scoring.state.version}: {said} for {counted(scoring.rows, 'row')}")
        for rule, rows in scoring.problems.most_common(5):
            err.print(f"  {rule}: {counted(rows, 'row')} without a prediction")
    if scoring.rows and not predicted:
        raise typer.Exit(FAILED)
