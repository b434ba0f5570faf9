"""history, champion, promote, rollback: read and write the promotion log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ml_assets.adapters.mlflow.process import Publisher
from ml_assets.cli.complete import models
from ml_assets.cli.console import out, styled
from ml_assets.cli.here import opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.engine.plan import Planner
from ml_assets.errors import PublishError, RequestError, UnknownName
from ml_assets.history.decisions import (
    actor,
    candidate_named,
    candidate_of,
    rollback_target,
    was_champion,
)
from ml_assets.operations.recheck import recheck
from ml_assets.startup import importing
from ml_assets.store.promotions import (
    PROMOTED,
    ROLLED_BACK,
    LogEntry,
    LoggedVersion,
    champion_of,
    until,
)
from ml_assets.store.records import Version

ModelName = Annotated[
    str, typer.Argument(help="A model, e.g. flight_delay.", autocompletion=models)
]
Reason = Annotated[str, typer.Option("--reason", help="Why; recorded in the log.")]


@guarded
def history(
    model: ModelName,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write the log to a file, as JSON Lines.")
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Verify and print a model's promotion log: who decided what, when and why.

    Example: ml-assets history flight_delay --export log.jsonl
    """
    planner = planner_of(model)
    entries = planner.home.promotions.verify(planner.home.env, model)
    if export is not None:
        lines = [json.dumps(entry.to_json(), ensure_ascii=False) + "\n" for entry in entries]
        export.write_text("".join(lines), encoding="utf-8")
    if as_json:
        rows = [entry.to_json() for entry in entries]
        emit({"model": model, "environment": planner.home.env, "entries": rows})
        return
    for entry in entries:
        out.print(f"{entry.number:>3}  {entry.at[:19]}  {_said(entry)}")
        out.print(f"     by {entry.actor}: {entry.reason}", style="dim")
    if not entries:
        out.print(f"{model}: no decisions in environment {planner.home.env} yet")
    elif export is not None:
        out.print(f"{len(entries)} entries, hash chain intact; written to {export}")


@guarded
def champion(
    model: ModelName,
    at: Annotated[
        str | None, typer.Option("--at", help="A time, e.g. 2026-03-01T12:00 (UTC).")
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Show which version is or was champion, after verifying the log.

    Example: ml-assets champion flight_delay --at 2026-03-01T12:00
    """
    planner = planner_of(model)
    home = planner.home
    entries = home.promotions.verify(home.env, model)
    try:
        pointer = champion_of(entries if at is None else until(entries, at))
    except ValueError:
        raise RequestError(
            f"--at {at!r} is not a time; wanted e.g. 2026-03-01T12:00 (UTC)"
        ) from None
    entry = None if pointer is None else entries[pointer.entry - 1]
    if as_json:
        row = None if entry is None else entry.to_json()
        emit({"model": model, "environment": home.env, "at": at, "champion": row})
    elif entry is None:
        out.print(f"{model} had no champion" if at else f"{model} has no champion")
    else:
        out.print(styled((model, "bold"), f" v{entry.version}, {entry.digest}"))
        out.print(f"  {_said(entry)} at {entry.at} by {entry.actor}: {entry.reason}")


@guarded
def promote(
    model: ModelName,
    version: Annotated[str, typer.Argument(help="A version of the candidate, e.g. v3.")],
    reason: Reason,
    as_json: bool = JSON,
) -> None:
    """Make a version champion regardless of the gate, even if it is waiting or held.

    Example: ml-assets promote flight_delay v3 --reason "the pilot went well"
    """
    planner = planner_of(model)
    _move(planner, model, candidate_named(planner.home, model, version), PROMOTED, reason, as_json)


@guarded
def rollback(
    model: ModelName,
    reason: Reason,
    to: Annotated[
        str | None, typer.Option("--to", help="A version; by default the previous champion.")
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Restore an earlier champion; the replaced one is held until it is promoted again.

    Example: ml-assets rollback flight_delay --reason "complaints from Newark"
    """
    planner = planner_of(model)
    home = planner.home
    if home.promotions.champion(home.env, model) is None:
        raise RequestError(f"{model} has no champion to roll back from")
    if to is None:
        pointer = rollback_target(home, model)
        if pointer is None:
            raise RequestError(f"{model} has no earlier champion that is not held")
        target = candidate_of(home, model, pointer.digest)
    else:
        target = candidate_named(home, model, to)
        if target.digest not in was_champion(home, model):
            raise RequestError(
                f"{model} {to} was never champion here; to make it champion, run ml-assets "
                f"promote {model} {to} --reason …"
            )
    _move(planner, model, target, ROLLED_BACK, reason, as_json)


def planner_of(model: str) -> Planner:
    """Return a planner in whose project a model is; raises UnknownName."""
    planner = opened(model)
    if model not in planner.project.models:
        raise UnknownName.of("model", model, planner.project.models)
    return planner


def _move(
    planner: Planner, model: str, target: Version, action: str, reason: str, as_json: bool
) -> None:
    """Check a version, record it as champion in the log, and publish that."""
    home = planner.home
    if not reason.strip():
        raise RequestError("--reason is empty; the log needs a reason")
    before = home.promotions.champion(home.env, model)
    if before is not None and before.digest == target.digest:
        raise RequestError(f"{model} v{target.number} is already the champion")
    # The publisher's slow imports overlap with loading and checking the model.
    what = f"loading {model} v{target.number} and checking its served predictions"
    with Publisher(planner.workspace) as publisher, working(what):
        checked = recheck(planner, model, target)
        entry = home.promotions.append(
            home.env,
            model,
            action=action,
            version=target.number,
            digest=target.digest,
            expected=None if before is None else before.digest,
            actor=actor(),
            reason=reason.strip(),
        )
        show_log(planner, model, publisher)
    _tell(planner, model, entry, before, checked, as_json)


def show_log(planner: Planner, model: str, publisher: Publisher) -> None:
    """Show a log that was written to; raises PublishError, saying that it was."""
    with importing():
        from ml_assets.graph.champion import show

    try:
        show(planner, model, publisher)
    except PublishError as error:
        raise PublishError(
            f"the promotion log has it, but it is not shown everywhere yet: {error}; "
            "`ml-assets run` shows it"
        ) from error


def _tell(
    planner: Planner,
    model: str,
    entry: LogEntry,
    before: LoggedVersion | None,
    checked: dict[str, Any],
    as_json: bool,
) -> None:
    held = planner.home.promotions.held(planner.home.env, model)
    if as_json:
        emit({**entry.to_json(), "parity": checked["checks"]})
        return
    was = "" if before is None else f", was v{before.version}"
    out.print(styled((model, "bold"), f" champion is v{entry.version}{was} (entry {entry.number})"))
    if before is not None and before.digest in held:
        out.print(f"  v{before.version} is held; only `ml-assets promote` can promote it again")


def _said(entry: LogEntry) -> str:
    said = f"{entry.action.replace('_', ' ')} "
    said += f"to v{entry.version}" if entry.action == ROLLED_BACK else f"v{entry.version}"
    if entry.action == ROLLED_BACK and entry.previous is not None:
        said += f" from v{entry.previous['version']}"
    return said
