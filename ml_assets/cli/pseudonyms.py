"""pseudonyms: the secret behind them, and putting them in the place of what landed before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ml_assets.cli.collect import whole_home
from ml_assets.cli.console import out, styled
from ml_assets.cli.forget import complete
from ml_assets.cli.here import opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.errors import RequestError
from ml_assets.spec.pseudonyms import pseudonymised
from ml_assets.stages.counted import counted
from ml_assets.walk import shown

if TYPE_CHECKING:
    from ml_assets.operations.hiding import Changed

app = typer.Typer(no_args_is_help=True)
DRY = typer.Option("--dry-run", help="Only report what would change.")


@app.command()
@guarded
def show(as_json: bool = JSON) -> None:
    """Say which columns are stored as pseudonyms, by which secret, and whether it is at hand.

    Example: ml-assets pseudonyms show
    """
    from ml_assets.operations.hiding import clear_landings
    from ml_assets.store.pseudonyms import known_key, pseudonyms_of

    planner = opened()
    home, project = planner.home, planner.project
    columns = {n: sorted(pseudonymised(s.columns)) for n, s in project.own.items()}
    columns = {name: hidden for name, hidden in columns.items() if hidden}
    known, clear = known_key(home), clear_landings(home, project)
    try:
        at_hand, why = pseudonyms_of(home).fingerprint, None
    except RequestError as error:
        at_hand, why = None, str(error)
    if as_json:
        emit(
            {
                "columns": columns,
                "fingerprint": None if known is None else known.fingerprint,
                "since": None if known is None else known.since,
                "at_hand": at_hand,
                "problem": why if columns or known else None,
                "clear": clear,
            }
        )
        return
    for name, hidden in columns.items():
        out.print(f"{name}: {', '.join(hidden)}")
    if not columns:
        out.print("no column is stored as pseudonyms (sensitive: {keep: hmac})")
    if known is not None:
        out.print(f"the secret's fingerprint: {known.fingerprint}, since {known.since[:19]}")
    if why is not None and (columns or known):
        out.print(styled(("not at hand:", "yellow"), f" {why}"))
    for name, files in clear.items():
        said = f" {counted(files, 'file')} of {name}: ml-assets pseudonyms apply"
        out.print(styled(("clear values in", "yellow"), said))


@app.command("apply")
@guarded
def apply_key(dry_run: Annotated[bool, DRY] = False, as_json: bool = JSON) -> None:
    """Put pseudonyms in the place of clear values that landed before; all made of them is removed.

    The next run makes it anew. Releases made from clear values cannot be recreated afterwards.

    Example: ml-assets pseudonyms apply --dry-run
    """
    from ml_assets.operations.hiding import change, to_apply

    planner = opened()
    home = planner.home
    if dry_run:
        with working("reading what landed"):
            changes = to_apply(home, planner.project)
    else:
        with whole_home(home, "ml-assets pseudonyms"), working("replacing clear values"):
            complete(planner, models=True)
            changes = to_apply(home, planner.project)
            for changed in changes:
                change(home, changed)
            complete(planner, models=True)
    tell(changes, dry_run, as_json)


@app.command()
@guarded
def rotate(
    to: Annotated[Path, typer.Option("--to", help="A file with the new secret.")],
    dry_run: Annotated[bool, DRY] = False,
    as_json: bool = JSON,
) -> None:
    """Change the secret: every pseudonym that is stored is replaced, and what was made of it.

    Afterwards, ML_ASSETS_SENSITIVE_KEY_FILE names both files, the old one first: OLD:NEW. Repeat it
    if it was interrupted.

    Example: ml-assets pseudonyms rotate --to /etc/ml_assets/key-2027
    """
    from ml_assets.operations.hiding import begin, change, end, to_rotate
    from ml_assets.store.state import now

    planner = opened()
    home = planner.home
    if dry_run:
        with working("reading what landed"):
            keys, changes = to_rotate(home, planner.project, to)
    else:
        with whole_home(home, "ml-assets pseudonyms"), working("replacing pseudonyms"):
            complete(planner, models=True)
            keys, changes = to_rotate(home, planner.project, to)
            begin(home, keys)
            for changed in changes:
                change(home, changed)
            complete(planner, models=True)
            end(home, planner.project, keys, now())
    tell(changes, dry_run, as_json, {"fingerprint": keys.fingerprint})
    if not as_json and not dry_run:
        out.print(f"the secrets' fingerprint is {keys.fingerprint}; name both files, old:new")


def tell(changes: list[Changed], dry_run: bool, as_json: bool, more: Any = None) -> None:
    """Say what was changed."""
    said = [document(changed) for changed in changes]
    if as_json:
        emit({"dry_run": dry_run, **(more or {}), "datasets": said})
        return
    would = "would be " if dry_run else ""
    for item in said:
        out.print(
            f"{item['dataset']}: {counted(item['landed'], 'landed file')} {would}replaced, "
            f"{counted(item['objects'], 'object')} made of them {would}removed"
        )
        for what in item["unsearched"]:
            out.print(styled(("check it yourself", "yellow"), f" {what}"))
        if item["versions"]:
            out.print(f"cannot be recreated: {', '.join(item['versions'])}")
    if not said:
        out.print("nothing to replace")
    elif not dry_run:
        out.print("next: ml-assets run; delete copies outside the home yourself")


def document(changed: Changed) -> dict[str, Any]:
    """Return what changed in one dataset, as JSON."""
    removal = changed.removal
    return {
        "dataset": removal.deletion.dataset,
        "landed": len(removal.deletion.landed),
        "objects": len(removal.deletion.objects),
        "files": [shown(path) for path in removal.files],
        "unsearched": removal.unsearched,
        "versions": removal.versions,
    }
