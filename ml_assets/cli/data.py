"""land, pull, withdraw, repin, quarantine, pause, resume: commands for incoming data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ml_assets.cli.complete import datasets
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.cuts import tell_cut
from ml_assets.cli.here import home_opened, opened_for
from ml_assets.cli.inspect import Partition
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.engine.cutting.outcome import CutFile
from ml_assets.engine.deliveries import problem
from ml_assets.engine.landing import land as land_file
from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.quality import pin_name
from ml_assets.errors import RequestError, UnknownName
from ml_assets.spec.calendar import spelled
from ml_assets.stages.counted import counted
from ml_assets.store.switches import set_paused
from ml_assets.walk import shown

Dataset = Annotated[
    str,
    typer.Argument(help="A dataset, the name of its folder in defs/.", autocompletion=datasets),
]


@guarded
def land(
    dataset: Dataset,
    files: Annotated[list[Path], typer.Argument(help="Files, or folders of Parquet files.")],
    batch: Annotated[
        str | None, typer.Option(help="The batch, if the file name does not contain it.")
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Copy files into a dataset's landing folder; each copy is atomic.

    Example: ml-assets land flights flights-2013-12.csv
    """
    planner = opened_for(dataset)
    if batch is not None and len(files) > 1:
        raise RequestError(f"--batch names one batch, but {len(files)} files were given")
    absent = [str(file) for file in files if not (file.is_file() or file.is_dir())]
    if absent:
        raise RequestError(f"no such file: {', '.join(absent)}")
    landing = planner.project.datasets[dataset].landing
    if landing.cut is not None and landing.sql is None:
        _land_cut(planner, dataset, files, batch, as_json)
        return
    landed = [land_file(planner.home, planner.project, dataset, file, batch) for file in files]
    if as_json:
        emit({"landed": landed})
    else:
        out.print(f"landed {', '.join(landed)}")
        newest = planner.home.batches.landed()
        for place, file in zip(landed, files, strict=True):
            stored = newest[dataset, place.removeprefix(dataset).removeprefix("@")][0].name
            if stored != file.name:
                out.print(f"  {file.name} is kept as {stored}, the name that landing.pattern wants")
        _tell_next(planner, dataset)


def _tell_next(planner: Planner, dataset: str) -> None:
    """Say how to go on, as long as nothing was made of the dataset."""
    if not planner.home.records.held(planner.home.env, f"{dataset}/raw"):
        out.print("next: ml-assets run")


def _land_cut(
    planner: Planner, dataset: str, files: Sequence[Path], batch: str | None, as_json: bool
) -> None:
    """Land files that are cut into batches, and say what changed in each batch."""
    from ml_assets.engine.cutting.folder import land_cut, matches

    spec = planner.project.datasets[dataset].landing
    if batch is not None:
        raise RequestError(f"{dataset} is cut into batches by {spec.batch!r}; omit --batch")
    wrong = [(file, problem(file)) for file in files if file.is_dir()]
    folders = [f"{shown(file)} {said}" for file, said in wrong if said is not None]
    if folders:
        raise RequestError("; ".join(folders))
    odd = [file.name for file in files if not matches(planner.project.datasets[dataset], file)]
    if odd:
        raise RequestError(f"{', '.join(odd)}: the name does not match {spec.pattern!r}; rename it")
    deliveries: list[CutFile] = []
    for file in files:
        with working(f"cutting {file.name} into batches"):
            deliveries.append(land_cut(planner.home, planner.project, dataset, file))
        if not as_json:
            tell_cut(dataset, deliveries[-1])
    if not as_json:
        _tell_next(planner, dataset)
    else:
        landed = dict.fromkeys(f"{dataset}@{c.batch}" for item in deliveries for c in item.changes)
        emit({"landed": list(landed), "files": [asdict(item) for item in deliveries]})


@guarded
def pull(
    dataset: Dataset,
    whole: Annotated[
        bool, typer.Option(help="Read all rows, also of batches in which nothing is new.")
    ] = False,
    as_json: bool = JSON,
) -> None:
    """Land what is new in the rows of a dataset's query (`landing.sql`).

    Example: ml-assets pull orders
    """
    from ml_assets.engine.pulling.pull import pull as pull_rows

    planner = opened_for(dataset)
    with working(f"reading {dataset} from its database"):
        delivery = pull_rows(planner.home, planner.project, dataset, whole)
    if as_json:
        landed = [f"{dataset}@{c.batch}" if c.batch else dataset for c in delivery.changes]
        emit({"landed": landed, "read": asdict(delivery)})
    else:
        tell_cut(dataset, delivery)


@guarded
def withdraw(
    dataset: Dataset,
    batch: Annotated[
        str, typer.Option(help="The batch to withdraw.", parser=spelled, metavar="TEXT")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why; stored with the withdrawal.")] = "",
    as_json: bool = JSON,
) -> None:
    """Exclude a batch until other bytes arrive for it or it is landed again.

    Example: ml-assets withdraw flights --batch 2013-03 --reason "wrong airport codes"
    """
    planner = opened_for(dataset)
    if not reason.strip():
        raise RequestError("--reason is missing; it is stored with the withdrawal")
    known = [name for owner, name in planner.home.batches.landed() if owner == dataset]
    if planner.project.datasets[dataset].calendar is not None and batch not in known:
        raise UnknownName.of(f"batch of {dataset}", batch, known)
    if not planner.home.batches.withdraw(planner.home.env, dataset, batch, reason):
        raise RequestError(f"nothing has landed for {dataset}")
    place = f"{dataset}@{batch}" if batch else dataset
    if as_json:
        emit({"withdrawn": place, "reason": reason})
    else:
        out.print(f"withdrew {place}; the next run excludes it")


@guarded
def repin(dataset: Dataset, as_json: bool = JSON) -> None:
    """Reset the reference of a dataset's quality reports to the first batches usable now.

    Example: ml-assets repin flights
    """
    planner = opened_for(dataset)
    home = planner.home
    dropped = home.pins.drop(home.env, pin_name(dataset))
    if not dropped:
        raise RequestError(
            f"nothing is pinned for {dataset} in environment {home.env}: its reference is "
            f"declared in the spec, is the first landed file, or has not been used yet"
        )
    if as_json:
        emit({"unpinned": dropped})
    else:
        out.print(
            f"unpinned the reference of {dataset}; the next run pins the first usable batches"
        )


@guarded
def quarantine(
    dataset: Dataset,
    batch: Partition = None,
    examples: Annotated[int, typer.Option(help="Example records per rule.")] = 3,
    as_json: bool = JSON,
) -> None:
    """Show the quarantined records: rules, counts and examples.

    Example: ml-assets quarantine flights --partition 2013-03
    """
    from ml_assets.operations.quarantine import quarantined

    planner = opened_for(dataset)
    with working(f"reading the quarantined records of {dataset}"):
        report = quarantined(planner, dataset, batch, examples)
    if as_json:
        emit(report)
        return
    for name in report["stale"]:
        place = f" of {name}" if name else ""
        err.print(
            f"the quarantine{place} is older than its rows: ml-assets run {dataset}/quarantine"
        )
    if not report["rules"] and not report["stale"]:
        out.print(f"no records of {dataset} are quarantined")
    for rule in report["rules"]:
        place = f" in {', '.join(rule['batches'])}" if rule["batches"] else ""
        out.print(styled((rule["rule"], "bold"), f" {counted(rule['count'], 'record')}{place}"))
        for example in rule["examples"]:
            place = f"{example['file']} line {example['line']}"
            if example["delivered"] is not None:
                file = example["file"].partition("@")[0]
                place = f"{file} line {example['delivered']}, line {example['line']} of its batch"
            out.print(f"  {place}: {example['reason']}")
            if example["text"] is not None:
                out.print(f"    {example['text']}")
    for name, reasons in report["unlabelled"].items():
        rows, place = counted(sum(reasons.values()), "row"), f" of {name}" if name else ""
        listed = ", ".join(f"{reason} {number:,}" for reason, number in reasons.items())
        out.print(f"kept without a label{place}: {rows} ({listed})")


@guarded
def pause(as_json: bool = JSON) -> None:
    """Stop the sensor from requesting runs in this environment.

    Example: ml-assets pause
    """
    _switch(True, as_json)


@guarded
def resume(as_json: bool = JSON) -> None:
    """Let the sensor request runs again in this environment.

    Example: ml-assets resume
    """
    _switch(False, as_json)


def _switch(value: bool, as_json: bool) -> None:
    _, home = home_opened()
    set_paused(home, value)
    if as_json:
        emit({"environment": home.env, "paused": value})
    else:
        out.print(f"the sensor of {home.env} is {'paused' if value else 'on'}")
