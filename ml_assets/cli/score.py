"""score: the champion's predictions for the rows of a file, or of older batches."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ml_assets.assets.registry import PREDICTED
from ml_assets.cli.complete import models
from ml_assets.cli.console import err, out
from ml_assets.cli.here import opened
from ml_assets.cli.output import FAILED, JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.cli.run import materialize, tell
from ml_assets.errors import RequestError
from ml_assets.operations.backfill import backfill as backfilled
from ml_assets.stages.counted import counted
from ml_assets.store.lock import writer


@guarded
def score(
    model: Annotated[str, typer.Argument(help="A model.", autocompletion=models)],
    file: Annotated[
        Path | None, typer.Argument(help="CSV or JSON Lines (also gzipped), Parquet or Excel.")
    ] = None,
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
    backfill: Annotated[
        bool,
        typer.Option("--backfill", help="No file: the predictions asset of batches without one."),
    ] = False,
    batches: Annotated[
        str | None, typer.Option(help="With --backfill, only these batches: A,B.")
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Predict the rows of a file with the champion: as many rows out as in, in their order.

    Raw rows as they would land; columns that become known later are ignored. A row that breaks
    the contract has no prediction but a problem.

    With --backfill, the champion predicts the batches that were there before the first promotion,
    and the challenger those without one, if the model's spec has `predictions: {challenger: true}`.

    Example: ml-assets score flight_delay flights-2013-12.csv --out predictions.csv
    """
    if backfill or batches is not None:
        if file is not None or not backfill:
            raise RequestError("wanted a FILE to score, or --backfill [--batches A,B] without one")
        _backfill(model, [name for name in (batches or "").split(",") if name], as_json)
        return
    if file is None:
        raise RequestError("name a FILE to score; or --backfill for batches without predictions")
    if as_json and to is None:
        raise RequestError(
            "with --json, only counts are printed; write the predictions to a file: --out FILE"
        )
    if not file.is_file():
        raise RequestError(f"no such file: {file}")
    from ml_assets.serve.model import load
    from ml_assets.serve.score import Scoring
    from ml_assets.serve.written import format_of, streamed, written
    from ml_assets.stages.intervals.columns import off

    if to is not None:
        format_of(to)
    planner = opened()
    with working(f"scoring {file.name}"):
        loaded = load(planner.home, planner.project, model)
        scoring = Scoring(loaded, features=features, explain=explain, batch=batch)
        try:
            with streamed(sys.stdout.buffer) if to is None else written(to) as write:
                for answer in scoring.answers(file):
                    write(answer)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has enough, as `head` does; nothing is left to flush at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
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


def _backfill(model: str, batches: Sequence[str], as_json: bool) -> None:
    """Give batches a scorer, and run their predictions."""
    planner = opened()
    with writer(planner.home.writer_lock(), "ml-assets score", patience=3600.0, waiting=err.print):
        done = backfilled(planner, model, batches)
        parts = zip(PREDICTED, (done.batches, done.beside), strict=True)
        wanted = " or ".join(f"{model}/{name}" for name, batches in parts if batches)
        result = materialize(planner, wanted) if wanted else None
    if as_json:
        facts = {"model": model, "version": f"v{done.version}", "batches": list(done.batches)}
        other = None if done.challenger is None else f"v{done.challenger}"
        beside = {"challenger": other, "beside": list(done.beside)}
        emit({**facts, "had": list(done.scored), **beside, "run": result})
    else:
        if done.scored:
            err.print(f"have predictions already: {', '.join(done.scored)}")
        out.print(
            f"{model} v{done.version} scores {counted(len(done.batches), 'batch', 'batches')}"
        )
        if done.challenger is not None:
            count = counted(len(done.beside), "batch", "batches")
            out.print(f"challenger v{done.challenger} scores {count}")
        if result is not None:
            tell(result)
    if result is not None and not result["success"]:
        raise typer.Exit(FAILED)
