"""demo: from the real flights of 2013 to two evaluated models; up: the web servers."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from ml_assets.adapters.mlflow.server import address
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import opened
from ml_assets.cli.inspect import model_status
from ml_assets.cli.output import FAILED, JSON, emit, guarded
from ml_assets.cli.run import follow, materialize, tell
from ml_assets.cli.sample_files import HELD_BACK, sample_files
from ml_assets.cli.servers import (
    HOST,
    check_alive,
    example,
    host_names,
    ports_free,
    serving,
)
from ml_assets.engine.landing import land
from ml_assets.engine.plan import Planner
from ml_assets.store.lock import writer

Port = Annotated[int, typer.Option("--port", help="Port of Dagster's web page.")]
MlflowPort = Annotated[int, typer.Option("--mlflow-port", help="Port of MLflow's web page.")]
Host = Annotated[
    list[str] | None,
    typer.Option(
        "--host", help="Another host name to accept requests for, such as a proxy's. Repeatable."
    ),
]
ServePort = Annotated[
    int | None, typer.Option("--serve-port", help="Port of the prediction service (`serve`).")
]
Beside = Annotated[
    list[Path] | None,
    typer.Option(
        "--beside",
        help="The folder of another project on this home, which Dagster shows too. Repeatable.",
    ),
]
Ui = Annotated[bool, typer.Option("--ui/--no-ui", help="Keep the web pages running at the end.")]


@guarded
def demo(
    ui: Ui = True,
    port: Port = 3000,
    mlflow_port: MlflowPort = 5000,
    serve_port: ServePort = 8000,
    federated: Annotated[
        bool, typer.Option("--federated", help="Three airports learn one model in rounds.")
    ] = False,
    as_json: bool = JSON,
) -> None:
    """Land January to November of the real flights of 2013, and materialize everything.

    With --federated each airport has a home of its own, and no flight leaves it.

    Example: ml-assets demo --no-ui
    """
    if federated:
        from ml_assets.cli import federated_demo
        from ml_assets.cli.federated import told

        done = federated_demo.run(opened())
        if as_json:
            emit({**told(done["rounds"]), "judged": done["sites"]})
        else:
            federated_demo.tell(done)
        return
    if ui and not as_json:
        ports_free(_ports(port, mlflow_port, serve_port))
    planner = opened()
    sample = land_sample(planner)
    with writer(planner.home.writer_lock(), "ml-assets demo", patience=3600.0, waiting=err.print):
        result = materialize(planner)
    if as_json:
        emit({**result, "summary": summary(planner)})
    else:
        _tell_summary(planner, result)
    if not result["success"]:
        raise typer.Exit(FAILED)
    if ui and not as_json:
        _serve(planner, port, mlflow_port, sample, serve_port=serve_port)


@guarded
def up(
    port: Port = 3000,
    mlflow_port: MlflowPort = 5000,
    host: Host = None,
    serve_port: ServePort = None,
    beside: Beside = None,
) -> None:
    """Serve Dagster's page, with the sensor on, and MLflow's page until Ctrl-C.

    With --serve-port also predictions of all models. All listen on this machine only and have no
    login; put a proxy with a login or a tunnel in front of them for remote access.

    Example: ml-assets up --port 3000
    """
    hosts = host_names(host or ())
    _serve(opened(), port, mlflow_port, None, hosts, serve_port, beside or ())


def land_sample(planner: Planner) -> Path:
    """Create the monthly files once, and land those not landed yet, except December's."""
    folder = sample_files(planner)
    known = planner.home.batches.landed()
    for dataset in ("flights", "weather", "planes"):
        for path in sorted(folder.glob(f"{dataset}*.csv")):
            batch = path.stem.removeprefix(dataset).lstrip("-")
            if batch != HELD_BACK and (dataset, batch) not in known:
                land(planner.home, planner.project, dataset, path, None)
    return folder


def summary(planner: Planner) -> dict[str, Any]:
    """Return the row counts of each dataset and the status of each model."""
    home = planner.home
    rows: dict[str, dict[str, int]] = {}
    for (asset, _), current in home.records.all_current(home.env).items():
        dataset, name = asset.split("/")
        if name != "quarantine" or "landed" not in current.facts:
            continue
        counts = rows.setdefault(
            dataset,
            dict.fromkeys(("landed", "cleaned", "unlabelled", "filtered", "quarantined"), 0),
        )
        for key in counts:
            value = current.facts.get(key, 0)
            counts[key] += sum(value.values()) if isinstance(value, dict) else int(value)
    plan = planner.plan(look=False)
    models = {name: model_status(planner, plan, name) for name in planner.project.models}
    return {"rows": rows, "models": models}


def _tell_summary(planner: Planner, result: dict[str, Any]) -> None:
    overview = summary(planner)
    out.print()
    out.print(
        styled(
            (
                f"{'rows':10}{'landed':>10}{'cleaned':>10}{'unlabelled':>12}{'filtered':>10}"
                f"{'quarantined':>13}",
                "bold",
            )
        )
    )
    for dataset, counts in overview["rows"].items():
        out.print(
            f"{dataset:10}{counts['landed']:>10,}{counts['cleaned']:>10,}"
            f"{counts['unlabelled']:>12,}{counts['filtered']:>10,}{counts['quarantined']:>13,}"
        )
    out.print()
    for name, model in overview["models"].items():
        candidate = model["candidate"]
        if candidate is None or "metrics" not in candidate:
            there = "no candidate" if candidate is None else f"no report of {candidate['version']}"
            out.print(styled((name, "bold"), f": {there}; {'; '.join(model['waiting'])}"))
            continue
        test, base = candidate["metrics"]["test"], candidate["metrics"]["baseline"]
        metric = planner.project.models[name].training.metric
        out.print(
            styled(
                (name, "bold"),
                f" {candidate['version']}: {candidate['family']}, test {metric} "
                f"{test[metric]:.4g} against {base[metric]:.4g} for the trivial baseline",
            )
        )
        if model["champion"] is not None:
            out.print(f"  champion: {model['champion']}")
        out.print(f"  report: {candidate['report']}")
    out.print()
    tell(result)


def held_back(sample: Path, landing: Path) -> list[tuple[Path, Path]]:
    """Return December's files that have not landed, each with its landing folder."""
    pairs = [
        (sample / f"{name}-{HELD_BACK}.csv", landing / name) for name in ("flights", "weather")
    ]
    return [(file, folder) for file, folder in pairs if not (folder / file.name).exists()]


def _serve(
    planner: Planner,
    port: int,
    mlflow_port: int,
    sample: Path | None,
    hosts: Sequence[str] = (),
    serve_port: int | None = None,
    beside: Sequence[Path] = (),
) -> None:
    signal.signal(signal.SIGTERM, _interrupt)
    home = planner.home.root
    ports_free(_ports(port, mlflow_port, serve_port))
    with writer(planner.home.writer_lock(), "ml-assets up", patience=3600.0, waiting=err.print):
        follow(planner)
    planner.home.close()
    out.print("\nstarting the web pages …")
    with serving(planner.workspace, port, mlflow_port, hosts, serve_port, beside) as servers:
        out.print(f"Dagster  http://{HOST}:{port}/  (the sensor is on)")
        mlflow = address() or f"http://{HOST}:{mlflow_port}"
        out.print(f"MLflow   {mlflow}/  (choose Model training, at the top left)")
        if serve_port is not None:
            _tell_predictions(serve_port)
        left = [] if sample is None else held_back(sample, home / "landing")
        if left:
            out.print("\nTo land December, in another terminal:")
        for file, folder in left:
            out.print(f"  cp {file} {folder}/")
        out.print("\nPress Ctrl-C to stop all.")
        try:
            while True:
                check_alive(servers)
                time.sleep(1.0)
        except KeyboardInterrupt:
            out.print("stopping …")


def _ports(port: int, mlflow_port: int, serve_port: int | None) -> dict[str, int]:
    """Return the ports that `serving` takes, 0 for none."""
    mlflow = 0 if address() else mlflow_port
    return {"Dagster": port, "MLflow": mlflow, "predictions": serve_port or 0}


def _tell_predictions(port: int) -> None:
    """Say where predictions are served, with a request that works."""
    out.print(f"Predictions  http://{HOST}:{port}/v1/models")
    request = example(port)
    if request is not None:
        out.print(f"  {request}")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
