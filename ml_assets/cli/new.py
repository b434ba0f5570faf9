"""new model: a spec from data, as a file that a person reads and corrects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ml_assets.cli.complete import datasets
from ml_assets.cli.console import out
from ml_assets.cli.here import opened_for
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.errors import UnknownName

app = typer.Typer(
    name="new", help="Write a spec from data, for a person to correct.", no_args_is_help=True
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


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _task(given: str | None) -> Any:
    known = ("regression", "binary", "multiclass")
    if given is not None and given not in known:
        raise UnknownName.of("task", given, known)
    return given
