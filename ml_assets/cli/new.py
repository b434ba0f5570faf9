"""new dataset, new model: a spec from data, as a file that a person reads and corrects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ml_assets.cli.complete import datasets
from ml_assets.cli.console import err, out
from ml_assets.cli.here import opened_for
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.errors import RequestError, UnknownName

app = typer.Typer(
    name="new", help="Write a spec from data, for a person to correct.", no_args_is_help=True
)


@app.command("dataset")
@guarded
def new_dataset(
    name: Annotated[str, typer.Argument(help="Its name, which becomes a folder in defs/.")],
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, gzipped CSV, Parquet, JSON Lines or Excel; several are batches."),
    ],
    dates: Annotated[
        str | None, typer.Option(help="dmy or mdy: how 03/04/2019 is read, if no row tells.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether the first line has the names."),
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Write a dataset's spec from its files: all rows are read, each guess has its evidence.

    An existing file is not changed: what would differ is printed as a patch.

    Example: ml-assets new dataset churn churn.csv
    """
    from ml_assets.guess.propose import proposed
    from ml_assets.scaffold.keep import write_or_patch
    from ml_assets.scaffold.names import group_name
    from ml_assets.workspace import locate

    defs = locate().defs
    group_name("dataset", name, _models(defs))
    if dates not in (None, "dmy", "mdy"):
        raise UnknownName.of("order of dates", str(dates), ("dmy", "mdy"))
    folders = [str(file) for file in files if file.is_dir()]
    absent = [str(file) for file in files if not file.exists()]
    if folders or absent:
        said = [f"no such file: {', '.join(absent)}"] if absent else []
        said += [f"{', '.join(folders)}: is a folder; name the files in it"] if folders else []
        raise RequestError("; ".join(said))
    with working(f"reading {', '.join(file.name for file in files[:3])}"):
        found = proposed(name, files, dates, header)  # type: ignore[arg-type]
    path = defs / name / "defs.yaml"
    patch = write_or_patch(path, found.text)
    if as_json:
        emit(
            {
                "file": str(path),
                "rows": found.profile.rows,
                "columns": {column.name: column.kind for column in found.profile.columns},
                "notes": list(found.notes),
                "patch": patch,
            }
        )
        return
    columns = len(found.profile.columns)
    tell(path, patch, f"{found.profile.rows:,} rows, {columns} columns")
    for note in found.notes:
        err.print(f"note: {note}")
    out.print(
        f"next: read {_short(path)}, then ml-assets new model NAME --dataset {name} --target …"
    )


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
    from ml_assets.scaffold.keep import write_or_patch
    from ml_assets.scaffold.model import Asked, model_text
    from ml_assets.scaffold.names import group_name

    planner = opened_for(dataset)
    group_name("model", name, planner.project.datasets)
    wanted = _task(task)
    asked = Asked(
        name, dataset, target, wanted, metric, predict_at, tuple(group or ()), tuple(file or ())
    )
    with working(f"looking at the rows of {dataset}"):
        written = model_text(planner, asked)
    path = planner.workspace.defs / name / "defs.yaml"
    patch = write_or_patch(path, written.text)
    next_one = "ml-assets run" if written.landed else f"ml-assets land {dataset} FILE"
    if as_json:
        found = {"task": written.task, "target": written.target, "inputs": list(written.inputs)}
        emit({"file": str(path), **found, "left_out": written.left_out, "patch": patch})
        return
    tell(path, patch, f"{written.task}, target {written.target}, {len(written.inputs)} inputs")
    for column, why in written.left_out.items():
        out.print(f"  left out: {column}, {why}")
    out.print(f"next: read {_short(path)}, then {next_one}")


def tell(path: Path, patch: str | None, said: str) -> None:
    """Say that a spec was written, or print the patch to an existing one."""
    if patch is None:
        out.print(f"wrote {_short(path)}: {said}")
    elif not patch:
        out.print(f"{_short(path)} is as it would be written now")
    else:
        out.print(patch, end="")
        out.print(f"{_short(path)} exists and was not changed; above is what would differ")


def _models(defs: Path) -> list[str]:
    """Return the names that models have, valid or not."""
    from ml_assets.spec.project import MODEL

    files = sorted(defs.glob("*/defs.yaml"))
    return [file.parent.name for file in files if MODEL in file.read_text("utf-8", "replace")]


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _task(given: str | None) -> Any:
    known = ("regression", "binary", "multiclass")
    if given is not None and given not in known:
        raise UnknownName.of("task", given, known)
    return given
