"""forget: delete rows everywhere for legal reasons, and leave a tombstone."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ml_assets.cli.collect import whole_home
from ml_assets.cli.console import out, styled
from ml_assets.cli.data import Dataset
from ml_assets.cli.here import opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError
from ml_assets.spec.calendar import spelled
from ml_assets.walk import shown

if TYPE_CHECKING:
    from ml_assets.operations.forget.forget import Request
    from ml_assets.store.home import Home

SHOWN = 10
"""How many files that do not belong to a home are printed."""


@guarded
def forget(
    dataset: Dataset,
    batch: Annotated[
        str | None,
        typer.Option(help="A batch; without --key, all of it.", parser=spelled, metavar="TEXT"),
    ] = None,
    key: Annotated[str, typer.Option(help="Rows by value: COLUMN=VALUE[,COLUMN=VALUE].")] = "",
    reason: Annotated[
        str, typer.Option(help="Why; stored in the tombstone, so name no values.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what would be deleted.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Only list the tombstones of earlier deletions.")
    ] = False,
    as_json: bool = JSON,
) -> None:
    """Delete a batch or rows by value everywhere; the next run rebuilds what used them.

    Example: ml-assets forget flights --key tailnum=N14228 --reason "request 2026-17"
    """
    from ml_assets.operations.forget.forget import forget as remove
    from ml_assets.operations.forget.unsealed import quiet

    if listed:
        stones(opened().home, dataset, as_json)
        return
    if not reason.strip():
        raise RequestError("--reason is missing; it is stored in the tombstone")
    values = pairs(key)
    planner = opened()
    planner.project.mine(dataset)
    home = planner.home
    if not values and batch is None and planner.project.calendar_of(dataset) is not None:
        raise RequestError(
            "nothing to forget was named: give --batch B, --key COLUMN=VALUE, or both"
        )
    names = [dataset, *(asked_with(planner, dataset, values) if batch is None else ())]

    def search() -> list[Request]:
        return requested(planner, names, batch, values, reason)

    if dry_run:
        with working(f"searching all landed files of {dataset}"):
            removals = search()
    else:
        with (
            whole_home(home, "ml-assets forget"),
            quiet(home, planner.project, names),
            working(f"deleting from {dataset}"),
        ):
            complete(planner)
            removals = search()
            for item in removals:
                remove(home, item)
            complete(planner)
    if as_json:
        first, *others = [document(item, dry_run) for item in removals]
        emit({**first, "also": others} if others else first)
    else:
        for item in removals:
            tell(item, dry_run)


def asked_with(planner: Planner, dataset: str, values: dict[str, str]) -> list[str]:
    """Return the datasets of what models of a dataset were asked, that have the same columns."""
    project = planner.project
    return [
        name
        for name, model in project.requests.items()
        if values
        and project.models[model].dataset == dataset
        and set(values) <= set(project.datasets[name].columns)
    ]


def requested(
    planner: Planner, names: list[str], batch: str | None, values: dict[str, str], reason: str
) -> list[Request]:
    """Return what would be removed from each dataset that has such rows; an error if none has."""
    from ml_assets.operations.forget.forget import NoSuchRow, request

    removals, none = [], list[NoSuchRow]()
    for name in names:
        try:
            removals.append(request(planner.home, planner.project, name, batch, values, reason))
        except NoSuchRow as error:
            none.append(error)
    if not removals:
        raise none[0]
    return removals


def stones(home: Home, dataset: str, as_json: bool) -> None:
    """Show the tombstones of a dataset, even if it is no longer in defs/."""
    tombstones = [stone for stone in home.removals.forgettings() if stone.dataset == dataset]
    if as_json:
        emit({"dataset": dataset, "tombstones": [asdict(stone) for stone in tombstones]})
        return
    for stone in tombstones:
        what = _rows(stone.rows)
        out.print(f"{stone.at[:19]}  {dataset} {stone.batch}: {what}: {stone.reason}")
    if not tombstones:
        out.print(f"no deletions are recorded for {dataset}")


def pairs(text: str) -> dict[str, str]:
    """Return {"a": "1", "b": "2"} for `a=1,b=2`."""
    values: dict[str, str] = {}
    for part in text.split(",") if text else ():
        name, equals, value = part.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise RequestError(f"--key {text!r}: wanted COLUMN=VALUE[,COLUMN=VALUE]")
        values[name.strip()] = value.strip()
    return values


def complete(planner: Planner, models: bool = False) -> None:
    """Finish this or an interrupted deletion: objects, MLflow and Dagster of every environment.

    With `models`, models went too: MLflow is emptied, and shows what is current after the next run.
    """
    from ml_assets.operations.forget.forget import finish

    home = planner.home

    def shown(digests: set[str], assets: set[str]) -> None:
        from ml_assets.adapters.mlflow.forget import forget_all, forget_runs
        from ml_assets.graph.forget import wipe

        for env in home.environments():
            wipe(replace(planner.workspace, env=env), assets)
            other = home.other(env)
            try:
                if models:
                    forget_all(other)
                else:
                    forget_runs(other, digests)
            finally:
                other.close()

    finish(home, [shown])


def document(removal: Request, dry_run: bool) -> dict[str, Any]:
    """Return the document that `forget --json` prints; it holds no values of rows."""
    deletion = removal.deletion
    return {
        "dry_run": dry_run,
        "dataset": deletion.dataset,
        "rows": deletion.rows,
        "reason": deletion.reason,
        "objects": len(deletion.objects) + len(deletion.landed),
        "assets": sorted(deletion.assets),
        "files": {
            shown(p): "removed" if c is None else "rewritten" for p, c in removal.files.items()
        },
        "unsearched": removal.unsearched,
        "foreign": removal.foreign,
        "copies": removal.copies,
        "versions": removal.versions,
    }


def _rows(count: int | None) -> str:
    return "all rows" if count is None else f"{count} row{'' if count == 1 else 's'}"


def tell(removal: Request, dry_run: bool) -> None:
    """Print what was deleted, and what is left for the user to do."""
    said = document(removal, dry_run)
    for batch, rows in said["rows"].items():
        out.print(f"{said['dataset']} {batch}: {_rows(rows)}".replace(" :", ":"))
    for path, what in said["files"].items():
        out.print(f"{path} {'would be ' if dry_run else ''}{what}")
    for copy in said["copies"]:
        went = "would be removed" if dry_run else "removed"
        out.print(f"{copy}, the state before a migration, {went}")
    for what in said["unsearched"]:
        out.print(styled(("check it yourself", "yellow"), f" {what}"))
    for path in said["foreign"][:SHOWN]:
        out.print(styled(("not part of a home, not searched", "yellow"), f" {path}"))
    if len(said["foreign"]) > SHOWN:
        out.print(f"and {len(said['foreign']) - SHOWN} more files; --json lists them all")
    if said["versions"]:
        out.print(f"cannot be recreated: {', '.join(said['versions'])}")
        out.print(
            "their models, trained on the deleted rows, stay; the next run trains without them"
        )
    verb = "would be deleted" if dry_run else "deleted; a tombstone is left"
    out.print(f"{said['objects']} objects {verb}")
    bundles = [name for name in said["versions"] if " release v" in name]
    handed = f": distributed bundles of {', '.join(bundles)}," if bundles else ":"
    out.print(f"delete copies outside the home yourself{handed} deliveries, backups")
