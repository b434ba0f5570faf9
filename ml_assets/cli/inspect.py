"""plan, why, versions, status: commands that run nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, get_args

import typer

from ml_assets.adapters.decision import decided, standing
from ml_assets.assets.edges import asset_keys
from ml_assets.assets.registry import PREDICTED
from ml_assets.cli.complete import assets, models
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.cuts import warn_cut
from ml_assets.cli.here import opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.engine.code_versions import definitions_digest
from ml_assets.engine.plan import Plan, Planner
from ml_assets.engine.proposals import pending
from ml_assets.engine.reports import page
from ml_assets.engine.session import Status
from ml_assets.errors import LogBroken, UnknownName
from ml_assets.history.reported import standing_of
from ml_assets.keys.hooks import absent
from ml_assets.keys.purity import Impurity, impurities
from ml_assets.spec.calendar import spelled
from ml_assets.stages.counted import counted
from ml_assets.stages.notes import reasons
from ml_assets.store.home import Home
from ml_assets.store.records import Current

SHOWN: tuple[Status, ...] = ("run", "maybe", "deferred", "wait")
"""The statuses whose cells `plan` lists."""
WAITS = 3
"""How many reasons for waiting `status` prints; `--json` has all."""
Selection = Annotated[
    str | None,
    typer.Argument(
        help="Assets: flights/cleaned, group:flights, +X, X+, and, or, not, ().",
        autocompletion=assets,
    ),
]
Partition = Annotated[
    str | None,
    typer.Option("--partition", help="Only this batch.", parser=spelled, metavar="TEXT"),
]


@guarded
def plan(selection: Selection = None, partition: Partition = None, as_json: bool = JSON) -> None:
    """Show what would run, what may run, what is reused, and why; nothing is run.

    As in a run, files in the landing folders are ingested first: their bytes are stored, and their
    batches count as landed from then on.

    Example: ml-assets plan "flight_delay/candidate+"
    """
    planner = opened(selection)
    with working("planning"):
        planned = planner.plan(selection, partition)
    problems, impure = odd(planner, planned)
    if as_json:
        emit(
            {
                **planned.to_json(),
                "problems": problems,
                "impure": [str(item) for item in impure],
                "proposed": pending(planner.home, planner.project),
                "expired": [f"{name}@{day}" for name, day in to_expire(planner)],
                "assets": sorted(asset_keys(planner.project)),
                "definitions": definitions_digest(planner.project, planner.workspace),
            }
        )
        return
    tell_odd(planned, problems, impure)
    tell_proposed(pending(planner.home, planner.project))
    for status in SHOWN:
        for item in planned.having(status):
            out.print(styled((f"{status:6}", "bold"), f"{item.cell}  ", (item.reason, "dim")))
    out.print(_summary(planned))


def to_expire(planner: Planner) -> list[tuple[str, str]]:
    """Return the days of requests that are older than they are kept, for the sensor."""
    if not planner.project.requests:
        return []
    from ml_assets.operations.retention import expired

    return list(expired(planner.home, planner.project))


def odd(planner: Planner, planned: Plan) -> tuple[list[str], list[Impurity]]:
    """Return files that cannot be ingested, hooks that are missing, and hooks that look impure."""
    workspace, project = planner.workspace, planner.project
    problems = [*planned.observed.problems, *absent(workspace, project)]
    return problems, impurities(workspace, project)


def tell_odd(planned: Plan, problems: Sequence[str], impure: Sequence[Impurity]) -> None:
    """Print problems, warnings and the other findings in the landing folders."""
    for problem in problems:
        err.print(styled(("problem", "red"), f" {problem}"))
    for place in planned.observed.missing:
        err.print(
            styled(("warning", "yellow"), f" the landed file of {place} is gone; its data is kept")
        )
    for deliveries in planned.observed.cut.values():
        for delivery in deliveries:
            warn_cut(delivery)
    for path in planned.observed.settling:
        err.print(styled(("waiting", "yellow"), f" {path} was changed just now"))
    for item in impure:
        err.print(styled(("warning", "yellow"), f" {item}"))


def tell_proposed(proposed: Sequence[str]) -> None:
    """Print the changes of the data that specs want to be asked about."""
    for text in proposed:
        err.print(styled(("proposed", "yellow"), f" {text}"))


def _summary(planned: Plan) -> str:
    counts = {s: len(planned.having(s)) for s in get_args(Status)}
    publish = sum(item.publish for item in planned.cells)
    shown = f", {publish} of them to be republished" if publish else ""
    return (
        f"{counts['run']} to run, {counts['maybe']} may run, {counts['reuse']} reused{shown}, "
        f"{counts['wait']} waiting"
        + (f", {counts['deferred']} deferred" if counts["deferred"] else "")
    )


@guarded
def why(
    asset: Annotated[
        str,
        typer.Argument(
            help="An asset, or a partition of it: ASSET@PARTITION.", autocompletion=assets
        ),
    ],
    as_json: bool = JSON,
) -> None:
    """Explain why an asset would run, or why not.

    Example: ml-assets why flights/cleaned@2013-03
    """
    planner = opened(asset)
    name, _, partition = spelled(asset).partition("@")
    with working("planning"):
        planned = planner.plan(name, partition or None)
    cells = [
        item for item in planned.cells if not partition or item.cell.partition in ("", partition)
    ]
    rows = [
        {"asset": str(item.cell), "status": item.status, "reason": item.reason} for item in cells
    ]
    if as_json:
        emit({"asset": asset, "cells": rows})
        return
    for row in rows:
        out.print(styled(f"{row['asset']}: ", (row["status"], "bold"), f", {row['reason']}"))
    model, _, kind = name.partition("/")
    if not rows and kind in PREDICTED and planner.home.batches.landed():
        older = (
            "older than the first promotion" if kind == "predictions" else "without a challenger"
        )
        out.print(
            f"{asset}: batches {older} have none; `ml-assets score {model} --backfill` predicts "
            "them"
        )
    elif not rows:
        out.print(f"{asset}: none of its inputs has landed")


@guarded
def versions(
    asset: Annotated[
        str, typer.Argument(help="An asset, e.g. flights/cleaned.", autocompletion=assets)
    ],
    partition: Partition = None,
    as_json: bool = JSON,
) -> None:
    """List the versions of an asset; identical content never creates a new one.

    Example: ml-assets versions flights/cleaned --partition 2013-03
    """
    from ml_assets.reading import versions as list_versions

    documents = list_versions(asset, partition)
    if as_json:
        emit(documents)
        return
    for item in documents:
        rows = "" if item["rows"] is None else f"{item['rows']} rows  "
        out.print(f"{item['version']}  {item['digest'][:15]}…  {rows}{item['created']}")


@guarded
def status(
    model: Annotated[
        str | None, typer.Argument(help="A model; by default all models.", autocompletion=models)
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Show each model's candidate with test metrics, champion, challenger and held version.

    Example: ml-assets status flight_delay
    """
    planner = opened(model, partly=True)
    if model is not None and model not in planner.project.models:
        raise UnknownName.of("model", model, planner.project.models)
    with working("planning"):
        planned = planner.plan()
    documents = {
        name: model_status(planner, planned, name)
        for name in planner.project.models
        if model in (None, name)
    }
    if as_json:
        emit(documents[model] if model is not None else {"models": documents})
        return
    for name, document in documents.items():
        _tell_status(name, document)
    out.print(_summary(planned))
    if planner.home.seen_by_others():
        root = planner.home.root
        said = f"every user of this machine can read the home; to prevent it: chmod 700 {root}"
        err.print(said, style="yellow")


def model_status(planner: Planner, planned: Plan, name: str) -> dict[str, Any]:
    """Return the state of a model, and which of its assets the plan would change."""
    held = standing_of(planner.home, name)
    candidate, report = held.candidate, held.report
    mine = [item for item in planned.cells if item.cell.group == name]
    document: dict[str, Any] = {
        "model": name,
        "environment": planner.home.env,
        "candidate": None,
        **standing(held.entries),
        "log_broken": _broken(planner.home, name),
        "stale": sorted({str(i.cell) for i in mine if i.status in ("run", "maybe")}),
        "waiting": list(dict.fromkeys(i.reason for i in mine if i.status == "wait")),
        "unlabelled": _unlabelled(planner, name),
        "predictions": _predictions(planner, name),
        "watched": None,
        "deferred": next((i.reason for i in mine if i.status == "deferred"), None),
        "borrowed": _borrowed(planner, name),
    }
    from ml_assets.operations.watched import watched

    seen = watched(planner.home, planner.project, name)
    if seen is not None:
        document["watched"] = {**seen.document(), "said": seen.line()}
    if candidate is None:
        return document
    document["candidate"] = {
        "version": f"v{candidate.number}",
        "digest": candidate.digest,
        "family": candidate.facts["chosen"],
        "run_id": candidate.run_id,
        "decision": decided(held.entries, candidate.digest),
        "report": None,
    }
    if report is not None:
        metrics = report.facts["metrics"]
        document["candidate"]["metrics"] = {
            key: metrics[key] for key in ("test", "baseline", "intervals")
        }
        document["candidate"]["notes"] = reasons(metrics["notes"])
        document["candidate"]["report"] = str(page(planner.home, report))
    return document


def _borrowed(planner: Planner, model: str) -> list[str]:
    """Return the datasets of other projects that a model reads."""
    spec, borrowed = planner.project.models[model], planner.project.borrowed
    names = [spec.dataset, *(join.dataset for join in spec.joins)]
    return [f"{borrowed[name].project}:{name}" for name in names if name in borrowed]


def _unlabelled(planner: Planner, model: str) -> list[str]:
    """Return the batches of a model's dataset in which no row has a label yet."""
    home, dataset = planner.home, planner.project.models[model].dataset
    batches = [
        batch
        for batch, held in home.records.held(home.env, f"{dataset}/cleaned").items()
        if held.facts.get("cleaned")
        if sum(held.facts.get("unlabelled", {}).values()) == held.facts["cleaned"]
    ]
    return planner.project.ordered(dataset, batches)


def _predictions(planner: Planner, model: str) -> list[dict[str, Any]]:
    """Return by which version each batch was scored, and what came true so far.

    `challenger` is the same of its challenger, with the disagreement of the two.
    """
    home = planner.home
    held, others = (home.records.held(home.env, f"{model}/{name}") for name in PREDICTED)
    entries = []
    for batch in planner.project.ordered(model, held):
        item = {"batch": batch, **_scored(held[batch])}
        if batch in others:
            other = others[batch]
            apart = {"disagreement": other.facts["disagreement"]}
            item["challenger"] = {"batch": batch, **_scored(other), **apart}
        entries.append(item)
    return entries


def _scored(held: Current) -> dict[str, Any]:
    facts = held.facts
    return {"version": facts["scorer"], "rows": facts["rows"], "realized": facts["realized"]}


def _broken(home: Home, model: str) -> str | None:
    """Return what is wrong with a model's promotion log, None if nothing is."""
    try:
        home.promotions.verify(home.env, model)
    except LogBroken as error:
        return str(error)
    return None


def _tell_status(name: str, document: dict[str, Any]) -> None:
    candidate = document["candidate"]
    if candidate is None:
        out.print(styled((name, "bold"), ": no candidate yet"))
    else:
        out.print(styled((name, "bold"), f" {candidate['version']}, {candidate['family']}"))
        if candidate["report"] is None:
            out.print("  it has no evaluation report yet")
        metrics = candidate.get("metrics", {"test": {}, "baseline": {}})
        for metric, value in metrics["test"].items():
            base = metrics["baseline"].get(metric)
            if value is not None and base is not None:
                out.print(f"  test {metric} {value:.4g}, baseline {base:.4g}")
        for why in candidate.get("notes", ()):
            out.print(f"  {why}")
        decision, champion = candidate["decision"], document["champion"]
        if decision is not None and (champion is None or not decision.startswith(champion)):
            out.print(f"  {decision}")
    for role in ("champion", "challenger", "held"):
        if document[role] is not None:
            out.print(f"  {role}: {document[role]}")
    if document["log_broken"] is not None:
        out.print(f"  {document['log_broken']}", style="red")
    if document["borrowed"]:
        out.print(f"  reads {', '.join(document['borrowed'])}")
    if document["unlabelled"]:
        out.print(f"  no row has a label yet: {', '.join(document['unlabelled'])}")
    for item in document["predictions"][-1:]:
        out.print(f"  {_said_of(item)}")
        if "challenger" in item:
            out.print(f"  challenger's {_said_of(item['challenger'])}{_apart(item['challenger'])}")
    if document["watched"] is not None:
        out.print(f"  {document['watched']['said']}")
    if document["deferred"] is not None:
        out.print(f"  {document['deferred']}")
    waiting = document["waiting"]
    for reason in waiting[:WAITS]:
        out.print(f"  {reason}")
    if len(waiting) > WAITS:
        out.print(f"  and {len(waiting) - WAITS} more are waiting")
    if document["stale"]:
        out.print(f"  not current: {', '.join(document['stale'][:4])}")


def _apart(item: dict[str, Any]) -> str:
    """Return how far a challenger's predictions are from those of the batch's scorer."""
    apart = item["disagreement"]
    if apart.get("mean_absolute_difference") is None:
        return ""
    said = f"; {apart['mean_absolute_difference']:.4g} from {apart['from']}'s on average"
    return said + (f", {apart['differing']:.1%} of another class" if "differing" in apart else "")


def _said_of(item: dict[str, Any]) -> str:
    """Return a batch's predictions in one line: the scorer, and what came true."""
    realized, batch = item["realized"], f" of {item['batch']}" if item["batch"] else ""
    said = f"predictions{batch} by {item['version']}: {counted(item['rows'], 'row')}"
    if "why" in realized:
        return f"{said}, not measured: {realized['why']}"
    known = {name: value for name, value in realized["metrics"].items() if value is not None}
    name, value = next(iter(known.items()), ("", None))
    if value is None:
        return f"{said}, none measured ({realized['unlabelled']:,} without a label)"
    left = f"{realized['unlabelled']:,} without a label, {realized['seen']:,} seen in training"
    inside = f", {realized['covered']:.1%} inside their intervals" if "covered" in realized else ""
    return f"{said}, {name} {value:.4g} on {realized['measured']:,}{inside} ({left})"
