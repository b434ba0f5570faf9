"""requests: what the service was asked, day by day, and sealing it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from ml_assets import clock
from ml_assets.cli.complete import models as complete_models
from ml_assets.cli.console import out
from ml_assets.cli.here import opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError, UnknownName
from ml_assets.spec.requests_dataset import requests_name

app = typer.Typer(no_args_is_help=True)
Model = Annotated[str, typer.Argument(help="A model.", autocompletion=complete_models)]


@dataclass(frozen=True)
class Day:
    """What there is of a day."""

    day: str
    state: str
    """`open`, `sealed`, or `made` where the last run made its tables."""
    rows: int
    bytes: int
    """As it is stored, packed where it is sealed."""


@app.command()
@guarded
def show(
    model: Model,
    day: Annotated[str | None, typer.Option(help="Only this day (UTC), like 2026-03-01.")] = None,
    as_json: bool = JSON,
) -> None:
    """List the days of a model's requests: rows, size, open or sealed.

    Example: ml-assets requests show flight_delay
    """
    planner = opened()
    dataset = of(planner, model)
    matches = [item for item in days(planner, dataset) if day in (None, item.day)]
    if as_json:
        emit({"dataset": dataset, "days": [asdict(item) for item in matches]})
        return
    for item in matches:
        out.print(f"{item.day}  {item.state:6}  {item.rows:>9,} rows  {item.bytes:>12,} bytes")
    if not matches:
        out.print(f"nothing was asked of {model}" + ("" if day is None else f" on {day}"))


@app.command()
@guarded
def seal(
    model: Model,
    now: Annotated[
        bool, typer.Option("--now", help="Also today, so far; what follows is in the next day.")
    ] = False,
    as_json: bool = JSON,
) -> None:
    """Land the days of a model's requests that are over; runs do so by themselves.

    Example: ml-assets requests seal flight_delay --now
    """
    from ml_assets.engine.sealing import due, release
    from ml_assets.engine.sealing import seal as seal_days
    from ml_assets.store.segments import folder_of

    planner = opened()
    dataset, moment = of(planner, model), clock.now()
    held = release(folder_of(planner.home.folder, model)) if now else []
    upto = moment.date().isoformat() if now else due(moment)
    sealed = seal_days(planner.home, planner.project, dataset, upto)
    if as_json:
        held_names = [segment.path.name for segment in held]
        emit({"dataset": dataset, "sealed": [asdict(item) for item in sealed], "held": held_names})
        return
    for item in sealed:
        out.print(f"sealed {dataset}@{item.day}: {item.rows:,} rows; the next run makes its tables")
    for segment in held:
        out.print(f"left {segment.path.name}: its writer does not answer")
    if not sealed:
        out.print("nothing to seal")


@app.command()
@guarded
def expire(as_json: bool = JSON) -> None:
    """Remove days that are older than `retention` says, everywhere; runs do so by themselves.

    Example: ml-assets requests expire
    """
    from ml_assets.cli.retention import expire as remove

    removed = remove(opened())
    if as_json:
        emit({"expired": removed})
    else:
        out.print(f"removed {', '.join(removed)}" if removed else "no day is too old")


def of(planner: Planner, model: str) -> str:
    """Return the dataset of what a model was asked; RequestError if it keeps nothing."""
    known = planner.project.models
    if model not in known:
        raise UnknownName.of("model", model, known)
    if known[model].requests is None:
        raise RequestError(
            f"{model} does not keep what it is asked; add `requests: {{}}` to its defs.yaml"
        )
    return requests_name(model)


def days(planner: Planner, dataset: str) -> list[Day]:
    """Return what there is of each day of a model's requests in this environment."""
    from ml_assets.engine.sealing import counted_rows
    from ml_assets.store.segments import folder_of, segments

    home = planner.home
    folder = folder_of(home.folder, planner.project.requests[dataset])
    unsealed: dict[str, tuple[int, int]] = {}
    for segment in segments(folder):
        rows, size = unsealed.get(segment.day, (0, 0))
        unsealed[segment.day] = rows + counted_rows(segment.path), size + segment.size
    held = home.records.held(home.env, f"{dataset}/raw")
    entries = [Day(day, "open", rows, size) for day, (rows, size) in unsealed.items()]
    for (name, day), items in home.batches.landed().items():
        if name == dataset:
            content = home.objects.read(items[0].digest)
            state = "made" if day in held else "sealed"
            entries.append(Day(day, state, lines_in(content), len(content)))
    return sorted(entries, key=lambda item: item.day)


def lines_in(content: bytes) -> int:
    """Return the number of rows of a sealed day."""
    import gzip

    return gzip.decompress(content).count(b"\n")
