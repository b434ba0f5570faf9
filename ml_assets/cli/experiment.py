"""experiment: compare variations of a model's training; the best can be adopted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ml_assets.adapters.mlflow.client import moved
from ml_assets.adapters.mlflow.process import Publisher
from ml_assets.cli.complete import models
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import opened
from ml_assets.cli.output import FAILED, JSON, emit, guarded
from ml_assets.engine.plan import Planner
from ml_assets.errors import PublishError, RequestError, UnknownName
from ml_assets.store.lock import writer

if TYPE_CHECKING:
    from ml_assets.operations.experiment import Experiment, Tried
    from ml_assets.operations.variation import Axis

BEST = "BEST"


@guarded
def experiment(
    model: Annotated[str, typer.Argument(help="A model.", autocompletion=models)],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="PATH=V1,V2 to try all, PATH=LOW..HIGH with --trials."),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", min=1, help="Number of trials to search with (Optuna)."),
    ] = None,
    adopt: Annotated[
        str | None,
        typer.Option(
            "--adopt", help="BEST or the name of a variation; writes its values to the YAML."
        ),
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Try other training settings of a model; champion and candidate are left alone.

    Example: ml-assets experiment flight_delay --set train.lightgbm.num_leaves=31,63,127
    """
    planner = opened(model)
    adopt = BEST if adopt is not None and adopt.upper() == BEST else adopt
    document = run(planner, model, settings or [], trials, adopt)
    if as_json:
        emit(document)
    else:
        _tell_all(document)
    if any(item["fault"] for item in document["variations"]):
        raise typer.Exit(FAILED)


def run(
    planner: Planner, model: str, settings: Sequence[str], trials: int | None, adopt: str | None
) -> dict[str, Any]:
    """Run an experiment and adopt the requested variation; return the document of `--json`."""
    from ml_assets.operations.experiment import Experiment
    from ml_assets.operations.variation import CURRENT, axes, grid, named

    if model not in planner.project.models:
        raise UnknownName.of("model", model, planner.project.models)
    if not settings:
        raise RequestError("--set is missing, e.g. --set train.lightgbm.num_leaves=31,63,127")
    asked = axes(planner.project.models[model], settings, ranges=trials is not None)
    if adopt is not None and trials is None:
        known = [BEST, CURRENT, *map(named, grid(asked))]
        if adopt not in known:
            raise UnknownName.of("variation", adopt, known)
    bench = Experiment(planner, model)
    with Publisher(planner.workspace) as publisher:
        tried = bench.run(asked, trials, _tell)
        document = described(bench, asked, trials, tried)
        _draw(planner, bench, asked, tried, document)
        document["mlflow"] = _show(planner, publisher, document)
    if adopt is not None:
        document["adopted"] = _adopt(planner, bench, tried, adopt)
    return document


def described(
    bench: Experiment, asked: Sequence[Axis], trials: int | None, tried: Sequence[Tried]
) -> dict[str, Any]:
    """Return the document that `experiment --json` prints."""
    from ml_assets.operations.variation import CURRENT

    now = next(item.value for item in tried if item.name == CURRENT)
    return {
        "model": bench.name,
        "environment": bench.environment,
        "digest": bench.digest(tried),
        "metric": bench.metric,
        "fold": "validation",
        "greater_is_better": bench.greater_is_better,
        "varied": [axis.path for axis in asked],
        "trials": trials,
        "best": next((item.name for item in tried if item.value is not None), None),
        "variations": [_row(item, now) for item in tried],
        "plot": None,
        "mlflow": None,
        "adopted": None,
    }


def _row(item: Tried, now: float | None) -> dict[str, Any]:
    known = item.value is not None and now is not None
    return {
        "name": item.name,
        "settings": dict(item.settings),
        "family": item.family,
        "value": item.value,
        "difference": (item.value or 0.0) - (now or 0.0) if known else None,
        "metrics": dict(item.metrics),
        "trees": item.trees,
        "rows": dict(item.rows),
        "reused": not item.executed and item.fault is None,
        "seconds": round(item.seconds, 3),
        "fault": item.fault,
    }


def _draw(
    planner: Planner,
    bench: Experiment,
    asked: Sequence[Axis],
    tried: Sequence[Tried],
    document: dict[str, Any],
) -> None:
    from ml_assets.operations.experiment_plot import plot

    paths = [axis.path for axis in asked]
    name = f"{bench.name}-{document['digest'].partition(':')[2][:12]}.svg"
    file = planner.home.folder / "experiments" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(plot(tried, paths, bench.metric))
    document["plot"] = str(file)


def _show(
    planner: Planner, publisher: Publisher, document: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Log the experiment to MLflow; a failure is only a warning, since the store has it all."""
    lock = planner.home.writer_lock()
    try:
        with writer(lock, "ml-assets experiment", patience=600.0, waiting=err.print):
            if moved(planner.home):
                raise PublishError(
                    "the home was moved; run `ml-assets repair`, then repeat this command"
                )
            return publisher.log_experiment(document)
    except PublishError as error:
        err.print(styled(("warning", "yellow"), f" not logged to MLflow: {error}"))
        return None


def _adopt(
    planner: Planner, bench: Experiment, tried: Sequence[Tried], name: str
) -> dict[str, Any]:
    """Write a variation's values to the YAML, after materializing what a run needs for them."""
    from ml_assets.operations.adopt import adopt
    from ml_assets.operations.variation import value_at, vary

    known = {item.name: item for item in tried if item.value is not None}
    chosen = next(iter(known.values()), None) if name == BEST else known.get(name)
    if chosen is None:
        raise UnknownName.of("variation with a value", name, [BEST, *known])
    file: Path = planner.project.folders[bench.name] / "defs.yaml"
    now = {path: value_at(bench.model, path) for path in chosen.settings}
    settings = {path: value for path, value in chosen.settings.items() if value != now[path]}
    if settings:
        bench.prepare(settings)
        adopt(file, settings, vary(bench.model, settings))
    changed = {path: {"from": now[path], "to": value} for path, value in settings.items()}
    return {"name": chosen.name, "file": str(file), "changed": changed}


def _tell(item: Tried) -> None:

    if item.fault is not None:
        err.print(styled(("failed", "red"), f" {item.name}: {item.fault}"))
        return
    how = f"{item.seconds:.1f} s" if item.executed else "reused"
    value = "no value" if item.value is None else f"{item.value:.5g}"
    err.print(styled((f"{item.name}: {value} ({how})", "dim")))


def _tell_all(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    from ml_assets.operations.variation import CURRENT, named

    table = Table(title=f"{document['model']}: {document['metric']} on validation, best first")
    for title in ("variation", "family", document["metric"], "vs. current", "trees", ""):
        table.add_column(title, justify="left" if title in ("variation", "family", "") else "right")
    for item in document["variations"]:
        name = item["name"]
        if name == CURRENT:
            name += f" ({named(item['settings'])})"
        best = item["name"] == document["best"]
        table.add_row(
            styled((name, "bold") if best else name),
            item["family"],
            "-" if item["value"] is None else f"{item['value']:.5g}",
            "-" if item["difference"] is None else f"{item['difference']:+.4g}",
            "" if item["trees"] is None else str(item["trees"]),
            "failed"
            if item["fault"]
            else "reused"
            if item["reused"]
            else f"{item['seconds']:.1f} s",
        )
    out.print(table)
    out.print(f"plot: {document['plot']}")
    if document["mlflow"] is not None:
        out.print(f"MLflow: experiment {document['mlflow']['experiment']}")
    adopted = document["adopted"]
    if adopted is None:
        out.print("to write the best values to the YAML, repeat the command with --adopt BEST")
        return
    for path, change in adopted["changed"].items():
        out.print(f"adopted {path}: {change['from']} -> {change['to']}")
    if not adopted["changed"]:
        out.print("the YAML already has the best values; nothing was written")
