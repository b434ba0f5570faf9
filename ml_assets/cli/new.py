"""new dataset, new model: a spec from data, as a file that a person reads and corrects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_assets.cli.complete import datasets
from ml_assets.cli.console import err, out
from ml_assets.cli.here import home_opened, opened_for
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.errors import RequestError
from ml_assets.stages.counted import counted
from ml_assets.workspace import locate

app = typer.Typer(no_args_is_help=True)


@app.command("dataset")
@guarded
def new_dataset(
    name: Annotated[str, typer.Argument(help="Its name, which becomes a folder in defs/.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="CSV, Parquet (also a folder of it), JSON Lines, Excel; several are batches."
        ),
    ] = None,
    dates: Annotated[
        str | None, typer.Option(help="dmy or mdy: how 03/04/2019 is read, if no row tells.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether the first line has the names."),
    ] = None,
    contract: Annotated[
        Path | None,
        typer.Option("--from", help="An Open Data Contract 3.1 to write it from, without files."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option(help="With --from: the contract's table, if it has several.")
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Write a dataset's spec from its files: all rows are read, each guess has its evidence.

    With --from, of an Open Data Contract instead: what a spec cannot say becomes comments.
    An existing file is not changed: what would differ is printed as a patch.

    Example: ml-assets new dataset churn churn.csv
    """
    if contract is not None or schema is not None:
        given = [word for word, value in (("FILES", files), ("--dates", dates)) if value]
        given += ["--header"] if header is not None else []
        _from_contract(name, contract, schema, given, as_json)
        return
    from ml_assets.scaffold import write

    files = files or []
    workspace, home = home_opened()
    with working(f"reading {', '.join(file.name for file in files[:3])}"):
        draft = write.new_dataset(workspace, home, name, files, dates, header)
    if as_json:
        emit(
            {
                "file": str(draft.path),
                "rows": draft.profile.rows,
                "columns": {column.name: column.kind for column in draft.profile.columns},
                "notes": list(draft.notes),
                "patch": draft.patch,
            }
        )
        return
    size = counted(draft.profile.rows, "row"), counted(len(draft.profile.columns), "column")
    tell(draft.path, draft.patch, ", ".join(size))
    for note in draft.notes:
        err.print(f"note: {note}")
    next_one = f"ml-assets new model NAME --dataset {name} --target COLUMN"
    out.print(f"next: read {_short(draft.path)}, then {next_one}")


def _from_contract(
    name: str, contract: Path | None, schema: str | None, given: list[str], as_json: bool
) -> None:
    """Write a dataset's spec from a contract; RequestError for options of the other kind."""
    from ml_assets.odcs.write import dataset_from

    if contract is None:
        raise RequestError("--schema names a table of a contract; add --from CONTRACT.yaml")
    if given:
        raise RequestError(f"--from CONTRACT.yaml reads no files; remove {', '.join(given)}")
    draft = dataset_from(locate(), name, contract, schema)
    columns = draft.found.spec.columns
    notes = draft.found.notes
    if as_json:
        kinds = {column: spec.type for column, spec in columns.items()}
        file = str(draft.path)
        emit({"file": file, "columns": kinds, "notes": list(notes), "patch": draft.patch})
        return
    tell(draft.path, draft.patch, f"{counted(len(columns), 'column')} from {contract.name}")
    for note in notes:
        err.print(f"note: {note}")
    out.print(f"next: read {_short(draft.path)}, then ml-assets land {name} FILE")


@app.command("model")
@guarded
def new_model(
    name: Annotated[str, typer.Argument(help="Its name, which becomes a folder in defs/.")],
    dataset: Annotated[
        str, typer.Option(help="The dataset whose rows are predicted.", autocompletion=datasets)
    ],
    target: Annotated[str, typer.Option(help="A column, or an expression (`delay > 15`).")],
    task: Annotated[
        str | None, typer.Option(help="regression, binary or multiclass; by default as guessed.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="The metric that chooses the family and gates.")
    ] = None,
    predict_at: Annotated[
        str | None, typer.Option(help="The dataset's moment at which predictions are made.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A column whose rows stay in one fold. Repeatable.")
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="A column that is an input whatever speaks against it. Repeatable."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(help="A file to guess from, instead of what has landed. Repeatable."),
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Write a model's spec from its target alone, each guess with its evidence.

    An existing file is not changed: what would differ is printed as a patch.

    Example: ml-assets new model leaves --dataset churn --target Churn
    """
    from ml_assets.scaffold import write
    from ml_assets.scaffold.model import Asked

    if ":" in dataset:
        theirs, _, plain = dataset.rpartition(":")
        raise RequestError(
            f"a model is guessed from the rows of this project's datasets; in the folder of "
            f"{theirs}: ml-assets new model {name} --dataset {plain} --target {target}. Then move "
            f"its folder here, and write `dataset: {dataset}` in its defs.yaml"
        )
    planner = opened_for(dataset)
    asked = Asked(
        name,
        dataset,
        target,
        task,
        metric,
        predict_at,
        tuple(group or ()),
        tuple(keep or ()),
        tuple(file or ()),
    )
    with working(f"looking at the rows of {dataset}"):
        draft = write.new_model(planner, asked)
    written = draft.written
    if as_json:
        emit(
            {
                "file": str(draft.path),
                "task": written.task,
                "target": written.target,
                "inputs": list(written.inputs),
                "left_out": written.left_out,
                "patch": draft.patch,
            }
        )
        return
    said = f"{written.task}, target {written.target}, {counted(len(written.inputs), 'input')}"
    tell(draft.path, draft.patch, said)
    for column, why in written.left_out.items():
        way = f"; --keep {column} takes it in" if column in written.leaks else ""
        out.print(f"  left out: {column}, {why}{way}")
    files = " ".join(_short(path) for path in written.to_land)
    next_one = f"ml-assets land {dataset} {files}" if files else "ml-assets run"
    out.print(f"next: read {_short(draft.path)}, then {next_one}")


def tell(path: Path, patch: str | None, said: str) -> None:
    """Say that a spec was written, or print the patch to an existing one."""
    if patch is None:
        out.print(f"wrote {_short(path)}: {said}")
    elif not patch:
        out.print(f"{_short(path)} is as it would be written now")
    else:
        out.print(patch, end="")
        out.print(f"{_short(path)} exists and was not changed; above is what would differ")


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
