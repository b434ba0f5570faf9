"""federated: sites learn one model together, and no row leaves its site."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import homes
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.promotions import ModelName, planner_of
from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError
from ml_assets.stages.counted import counted
from ml_assets.walk import shown

app = typer.Typer(no_args_is_help=True)
Site = Annotated[str, typer.Argument(help="A site, as the spec of the model names it.")]
Target = Annotated[Path, typer.Option("--out", help="The file to write the rounds to.")]


@app.command()
@guarded
def setup(as_json: bool = JSON) -> None:
    """Install Flower into an environment of its own, from a lock with hashes.

    The other commands do it too; this one needs no project, and packages to install from.

    Example: ml-assets federated setup
    """
    from ml_assets.federated.flower import LOCK, python_of

    python = python_of(LOCK.read_bytes())
    if as_json:
        emit({"python": python})
    else:
        out.print(f"ready: {python}")


@app.command()
@guarded
def prepare(model: ModelName, site: Site, as_json: bool = JSON) -> None:
    """Write what a site would tell the coordinator before the first round, to be read.

    It holds figures over at least `least_rows` rows. Nothing is sent. Give the public key that is
    printed to whoever coordinates the rounds.

    Example: ml-assets federated prepare flight_delay EWR
    """
    from ml_assets.federated import flower, rounds
    from ml_assets.federated import site as sites

    planner = planner_of(model)
    folder = sites.folder_of(planner, model, site)
    # Rows are written again when the site joins.
    with sites.rows_removed(folder):
        statement = sites.prepare(planner, model, site)
    key = rounds.key_of(flower.ready(folder / "flower"), folder).strip()
    path = folder / sites.STATEMENT
    if as_json:
        emit({"statement": statement, "file": str(path), "public_key": key})
        return
    columns = counted(len(statement["columns"]), "column")
    out.print(f"{shown(path)}: {columns} of {statement['rows']['train']:,} rows; read it")
    out.print(f"public key, for the coordinator:\n{key}")


@app.command()
@guarded
def join(
    model: ModelName,
    site: Site,
    coordinator: Annotated[str, typer.Option(help="Where it listens, as HOST:PORT.")],
    ca: Annotated[Path, typer.Option("--ca", help="The file ca.crt of the coordinator.")],
    as_json: bool = JSON,
) -> None:
    """Take part in rounds as a site, until they are over or Ctrl-C.

    What leaves is put on record first: ml-assets federated log.

    Example: ml-assets federated join flight_delay EWR --coordinator HOST:9092 --ca ca.crt
    """
    from ml_assets.federated import flower, rounds
    from ml_assets.federated import site as sites

    host, _, port = coordinator.rpartition(":")
    wrong = [] if host and port.isdigit() else [f"--coordinator {coordinator}: wanted HOST:PORT"]
    wrong += [] if ca.is_file() else [f"--ca {shown(ca)}: no such file"]
    if wrong:
        raise RequestError("\n".join(wrong))
    ended_by_signal()
    planner = planner_of(model)
    folder = sites.folder_of(planner, model, site)
    with sites.rows_removed(folder):
        sites.prepare(planner, model, site)
        flow = flower.ready(folder / "flower")
        rounds.key_of(flow, folder)
        address = rounds.Address(host, int(port), ca.absolute())
        with rounds.node(flow, folder, address, flower.digest_of(flow)) as node:
            err.print(f"{site} takes part; Ctrl-C ends it")
            left = _until_over(node, folder)
    if as_json:
        emit({"left": left})
    else:
        out.print(f"{counted(len(left), 'payload')} left; ml-assets federated log {model} {site}")


def ended_by_signal() -> None:
    """Let a signal end this process as Ctrl-C does, so that those that it started end too."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _until_over(node: Any, folder: Path) -> list[dict[str, Any]]:
    """Wait until metrics of the finished model left, or the node ended; return what left."""
    from ml_assets.federated.app.ml_assets_rounds.log import left
    from ml_assets.federated.rounds import last_of

    before = len(left(folder))
    try:
        while node.poll() is None:
            said = left(folder)[before:]
            if any(line["kind"] == "evaluate" for line in said):
                # The coordinator may measure an earlier round too.
                time.sleep(SETTLE)
                break
            time.sleep(0.5)
        else:
            log = folder / "flower" / "node.log"
            raise RequestError(f"the node ended:\n{last_of(log)}")
    except KeyboardInterrupt:
        err.print("stopped")
    return left(folder)[before:]


SETTLE = 20.0
"""Seconds in which the coordinator may ask for metrics a second time."""


@app.command()
@guarded
def coordinate(
    model: ModelName,
    keys: Annotated[
        Path, typer.Option("--keys", help="A folder with the public key of each site: SITE.pub.")
    ],
    to: Target = Path("rounds.json"),
    host: Annotated[str, typer.Option(help="The address that sites reach.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port that sites reach.")] = 9092,
    as_json: bool = JSON,
) -> None:
    """Conduct the rounds of a model between sites that join; write the model of all.

    It needs no rows. Give the sites the file ca.crt that is named, and afterwards the rounds:
    ml-assets federated take.

    Example: ml-assets federated coordinate flight_delay --keys keys --host 10.0.0.5
    """
    from ml_assets.federated import flower, rounds
    from ml_assets.federated import take as taking
    from ml_assets.federated.site import federation

    ended_by_signal()
    planner = planner_of(model)
    names = federation(planner, model).sites
    absent = [f"{name}.pub" for name in names if not (keys / f"{name}.pub").is_file()]
    if absent:
        raise RequestError(f"{shown(keys)} lacks {', '.join(absent)}; a site's prepare prints it")
    if to.exists():
        raise RequestError(f"{shown(to)} already exists; remove it, or give another --out")
    public = {name: (keys / f"{name}.pub").read_text(encoding="utf-8") for name in names}
    flow = flower.ready(planner.home.root / "federated" / model / "coordinator")
    with rounds.coordinator(flow, host, port, public) as address:
        err.print(f"waiting for {', '.join(names)}; they need {shown(address.authority)}")
        result = rounds.conduct(flow, rounds.asked(planner, model), err.print)
    found = taking.document(planner, model, result)
    to.write_text(json.dumps(found, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    if as_json:
        emit(told(found) | {"file": str(to)})
        return
    tell(found)
    out.print(f"{shown(to)}: give it to the sites; ml-assets federated take {model} {shown(to)}")


@app.command()
@guarded
def run(
    model: ModelName,
    home: Annotated[
        list[str] | None,
        typer.Option("--home", help="A site's home, as SITE=FOLDER. Repeatable."),
    ] = None,
    compare: Annotated[
        bool, typer.Option(help="Compare with models of each site's rows, and of all rows.")
    ] = True,
    as_json: bool = JSON,
) -> None:
    """Learn a model in rounds with all sites on this machine, each in processes of its own.

    The sites are homes, or without --home the values of `federated.column` in this home.

    Example: ml-assets federated run flight_delay
    """
    from ml_assets.federated import here

    ended_by_signal()
    planner = planner_of(model)
    found = here.run(planner, model, _homes(planner, home or []), err.print, compare=compare)
    if as_json:
        emit(told(found))
        return
    tell(found)
    out.print(f"taken; next: ml-assets run group:{model}")


def _homes(planner: Planner, given: list[str]) -> dict[str, Planner]:
    """Return the planners of sites' homes; all are of this project."""
    found, wrong = {}, []
    for text in given:
        site, _, folder = text.partition("=")
        if not folder or not Path(folder).is_dir():
            wrong.append(f"--home {text}: wanted SITE=FOLDER, a home")
            continue
        workspace = replace(planner.workspace, home=Path(folder).absolute(), state="", objects="")
        home = workspace.open_home()
        homes.callback(home.close)
        found[site] = Planner(workspace, home, planner.project)
    if wrong:
        raise RequestError("\n".join(wrong))
    return found


@app.command()
@guarded
def take(
    model: ModelName,
    file: Annotated[Path, typer.Argument(help="A file that `coordinate` wrote.")],
    as_json: bool = JSON,
) -> None:
    """Take the model of finished rounds into this home; the next run judges it as any other.

    Example: ml-assets federated take flight_delay rounds.json
    """
    from ml_assets.federated import take as taking

    planner = planner_of(model)
    found = taking.read(file)
    digest = taking.take(planner, model, found)
    if as_json:
        emit({"model": model, "digest": digest})
    else:
        out.print(f"taken; next: ml-assets run group:{model}")


@app.command()
@guarded
def log(model: ModelName, site: Site, as_json: bool = JSON) -> None:
    """Show everything that left a site: when, in which round, its size and digest.

    The payloads themselves are kept beside the log.

    Example: ml-assets federated log flight_delay EWR
    """
    from ml_assets.federated.app.ml_assets_rounds.log import PAYLOADS, left

    folder = _folder(planner_of(model), model, site)
    lines = left(folder)
    if as_json:
        emit({"folder": str(folder / PAYLOADS), "left": lines})
        return
    if not lines:
        out.print(f"nothing has left {site}")
        return
    out.print(f"{'at':22}{'round':>6}  {'kind':10}{'bytes':>10}  sha256")
    for line in lines:
        said = f"{line['at']:22}{line['round']:>6}  {line['kind']:10}{line['bytes']:>10,}"
        out.print(f"{said}  {line['sha256'][:16]}")
    out.print(f"each is a file in {shown(folder / PAYLOADS)}")


@app.command()
@guarded
def stop(
    model: ModelName,
    site: Site,
    reason: Annotated[str, typer.Option("--reason", help="Why; the coordinator is told.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Take part again.")] = False,
    as_json: bool = JSON,
) -> None:
    """Stop a site from sending anything; the rounds go on without it, if two others are left.

    Example: ml-assets federated stop flight_delay EWR --reason "not agreed yet"
    """
    from ml_assets.federated.app.ml_assets_rounds.log import STOP

    folder = _folder(planner_of(model), model, site)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if again:
        (folder / STOP).unlink(missing_ok=True)
    else:
        (folder / STOP).write_text(reason or "the site said no", encoding="utf-8")
    if as_json:
        emit({"model": model, "site": site, "stopped": not again})
    else:
        out.print(f"{site} takes part again" if again else f"{site} sends nothing from now on")


def _folder(planner: Planner, model: str, site: str) -> Path:
    from ml_assets.errors import UnknownName
    from ml_assets.federated.site import federation, folder_of

    names = federation(planner, model).sites
    if site not in names:
        raise UnknownName.of("site", site, names)
    return folder_of(planner, model, site)


def told(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what programs are told of rounds."""
    names = ("sites", "events", "curve", "privacy", "secure_aggregation")
    return {
        "rounds": found["model"]["settings"]["rounds"],
        **{name: found[name] for name in names},
        "comparison": found.get("comparison"),
    }


def tell(found: Mapping[str, Any]) -> None:
    """Show what rounds came to."""
    metric = found["plan"]["metric"]
    for site, said in found["sites"].items():
        measured = said.get("metrics")
        if measured is None:
            out.print(styled((site, "bold"), ": took no part"))
            continue
        values = ", ".join(f"{k} {v:.4g}" for k, v in measured["test"].items() if k != "rows")
        rows = f"{said['rows']:,} rows to learn from"
        out.print(
            styled((site, "bold"), f": {rows}; {measured['test']['rows']:,} test rows: {values}")
        )
    for event in found["events"]:
        out.print(f"{event['site']}: {event['said']} (round {event['round']})")
    if found["secure_aggregation"]:
        out.print("the coordinator saw the mean of the sites' coefficients, and no site's own")
    if found["privacy"] is not None:
        said = f"epsilon {found['privacy']['epsilon']:.3g} at delta {found['privacy']['delta']:g}"
        out.print(f"differential privacy of a row in all rounds: {said}; statements are not noisy")
    comparison = found.get("comparison")
    if comparison is None:
        return
    if "problem" in comparison:
        out.print(comparison["problem"])
        return
    out.print(f"\n{metric} on each site's test rows, others by {comparison['family']}:")
    names = list(comparison["sites"])
    head = "".join(f"{'only ' + name:>12}" for name in names)
    out.print(styled((f"{'site':10}{'federated':>12}{'all rows':>12}{head}", "bold")))
    for site, values in comparison["sites"].items():
        row = [values["federated"], values["pooled"], *(values["alone"][n] for n in names)]
        texts = ("—" if value is None else f"{value:.4g}" for value in row)
        out.print(f"{site:10}" + "".join(f"{text:>12}" for text in texts))
    for verdict in comparison["verdicts"]:
        out.print(verdict)
