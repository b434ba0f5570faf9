"""propose: what a dataset's newest files ask of its spec, as a patch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ml_assets.cli.complete import datasets
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.stages.counted import counted

if TYPE_CHECKING:
    from ml_assets.scaffold.patch.proposal import Proposed
    from ml_assets.scaffold.patch.suggested import Suggestion


@guarded
def propose(
    dataset: Annotated[
        str, typer.Argument(help="A dataset, the name of its folder.", autocompletion=datasets)
    ],
    column: Annotated[
        list[str] | None, typer.Option(help="Only the changes of this column. Repeatable.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Write the patch.")] = False,
    as_json: bool = JSON,
) -> None:
    """Propose changes of a dataset's spec so that it takes what has come, with the evidence.

    Ranges, sets, missing values, other spellings and types; columns that are new (taken only by
    --column), gone or renamed. Nothing is written without --accept; comments are kept.

    Example: ml-assets propose listings --column latitude --accept
    """
    from ml_assets.scaffold.patch import proposal

    planner = opened(dataset)
    planner.project.mine(dataset)
    with working(f"reading the files of {dataset} that do not fit"):
        proposed = proposal.proposed(planner, dataset, tuple(column or ()))
    shown = [item for item in proposed.suggestions if not column or item.column in column]
    if accept and proposed.taken:
        proposal.accept(proposed)
    if as_json:
        emit(
            {
                "file": str(proposed.path),
                "suggestions": [
                    {
                        "column": item.column,
                        "change": item.change,
                        "evidence": list(item.evidence),
                        "compatible": item.compatible,
                        "rows": item.rows,
                        "batches": list(item.batches),
                        "taken": item in proposed.taken,
                    }
                    for item in shown
                ],
                "patch": proposed.patch,
                "wrong": list(proposed.wrong),
                "models": list(proposed.models),
                "written": accept and bool(proposed.taken),
            }
        )
        return
    if not shown:
        out.print(f"the newest files of {dataset} fit its spec; there is nothing to propose")
        return
    for item in shown:
        _tell(item, item in proposed.taken)
    if proposed.patch:
        out.print(proposed.patch, end="")
    _tell_next(dataset, proposed, accept)


def _tell(item: Suggestion, taken: bool) -> None:
    kind = "compatible" if item.compatible else "breaking"
    note = f" ({kind})" if item.edits else " (yours to decide)"
    out.print(styled((item.column, "bold"), f" {item.change}{note}"))
    for said in item.evidence:
        out.print(f"  {said}")
    if item.edits and not taken:
        out.print(f"  not in the patch: --column {item.column} takes it")


def _tell_next(dataset: str, proposed: Proposed, accept: bool) -> None:
    """Say what the patch does, and how to go on."""
    if not proposed.taken:
        return
    rows = sum(item.rows for item in proposed.taken)
    changes = rows or not all(item.compatible for item in proposed.taken)
    back = f"{counted(rows, 'row comes', 'rows come') if rows else 'no row comes'} back"
    models = ", ".join(proposed.models)
    trained = f"{models} trained again" if changes and models else "no model is trained again"
    out.print(f"with it: {back} from quarantine; {trained}")
    if accept:
        out.print("written; next: ml-assets plan, then ml-assets run")
        return
    for said in proposed.wrong:
        err.print(styled(("wrong with it", "red"), f" {said}"))
    if not proposed.wrong:
        out.print("nothing was written; --accept writes it")
