"""repair: check every object in use, rebuild damaged ones, publish everything again."""

from __future__ import annotations

import typer

from ml_assets.assets.cells import Cell
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import opened
from ml_assets.cli.output import FAILED, JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.cli.run import materialize, tell
from ml_assets.engine.landing import landed_again
from ml_assets.engine.plan import Planner
from ml_assets.engine.settled import drop
from ml_assets.errors import DamagedObject
from ml_assets.store.lock import writer


@guarded
def repair(as_json: bool = JSON) -> None:
    """Check every object in use, rebuild damaged ones, republish to Dagster and MLflow.

    Example: ml-assets repair
    """
    planner = opened()
    with writer(planner.home.writer_lock(), "ml-assets repair", patience=3600.0, waiting=err.print):
        with working("reading every object in use"):
            damaged = drop_damaged(planner)
            taken, lost = landed_files(planner)
        planner.home.records.mark_all_unpublished(planner.home.env)
        result = materialize(planner)
    if as_json:
        emit({"damaged": damaged, "landed_again": taken, "lost": lost, **result})
    else:
        for item in damaged:
            out.print(f"damaged and rebuilt: {item['of']}, {item['digest']}")
        for place in taken:
            out.print(f"restored from the landing folder: {place}")
        for place in lost:
            err.print(
                styled(("warning", "yellow"), f" the landed file {place} is lost; land it again")
            )
        tell(result)
    if not result["success"]:
        raise typer.Exit(FAILED)


def landed_files(planner: Planner) -> tuple[list[str], list[str]]:
    """Read every stored landed file; return which were restored and which are lost."""
    home = planner.home
    taken: list[str] = []
    lost: list[str] = []
    for (dataset, batch), landings in sorted(home.batches.everywhere().items()):
        for item in landings:
            try:
                home.objects.read(item.digest)
            except DamagedObject:
                place = f"{dataset}@{batch} ({item.name})" if batch else f"{dataset} ({item.name})"
                (taken if landed_again(home, item.digest) else lost).append(place)
    return taken, lost


def drop_damaged(planner: Planner) -> list[dict[str, str]]:
    """Read every object of the environment; drop damaged ones and return what they belong to."""
    home = planner.home
    held = home.records.all_current(home.env).values()
    keys = {key for current in held for key in current.actions.values()}
    done = home.records.actions(sorted(keys))
    of: dict[str, str] = {}
    for current in held:
        place = str(Cell(current.asset, current.partition))
        made = [
            ref
            for key in current.actions.values()
            if key in done
            for ref in done[key].outputs.values()
        ]
        for ref in (*current.outputs.values(), *made):
            of.setdefault(ref.digest, place)
    damaged = []
    for digest, place in sorted(of.items()):
        try:
            home.objects.read(digest)
        except DamagedObject:
            home.objects.forget(digest)
            damaged.append({"of": place, "digest": digest})
    if damaged:
        drop(home)
    return damaged
