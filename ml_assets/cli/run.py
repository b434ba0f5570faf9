"""run: materialize whatever is out of date; report what was executed and reused."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated, Any

import typer

from ml_assets.adapters.mlflow.client import moved
from ml_assets.adapters.mlflow.embedded import reset
from ml_assets.assets.cells import Cell
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import opened
from ml_assets.cli.inspect import Partition, Selection, odd, tell_odd, tell_proposed
from ml_assets.cli.output import FAILED, JSON, emit, guarded
from ml_assets.cli.progress import Live, working
from ml_assets.cli.retention import expire
from ml_assets.engine.landing import SETTLE, observe
from ml_assets.engine.make import Progress
from ml_assets.engine.plan import Plan, Planner
from ml_assets.engine.proposals import pending
from ml_assets.graph.workers import beside
from ml_assets.operations.now import ask, check_now
from ml_assets.stages.quality.words import listed
from ml_assets.startup import importing
from ml_assets.store.lock import writer
from ml_assets.store.records import Current

ROUNDS = 5
"""How many follow-up runs there can be when a run makes more work possible."""


@guarded
def run(
    selection: Selection = None,
    partition: Partition = None,
    force: Annotated[bool, typer.Option("--force", help="Rerun cached actions too.")] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Rerun cached actions and compare the results; store nothing."
        ),
    ] = False,
    now: Annotated[
        bool,
        typer.Option("--now", help="Train a model on new data that its policy defers; its owners."),
    ] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why now; recorded.")] = None,
    as_json: bool = JSON,
) -> None:
    """Materialize whatever is out of date; reuse the rest.

    Example: ml-assets run "+flight_delay/evaluation_report"
    """
    planner = opened(selection)
    if now or reason is not None:
        check_now(planner, selection, reason, now=now, other=bool(partition or force or verify))
    with writer(planner.home.writer_lock(), "ml-assets run", patience=3600.0, waiting=err.print):
        for day in expire(planner):
            err.print(f"removed {day}, which is older than it is kept")
        if now:
            result = train_now(planner, str(selection), str(reason))
        else:
            result = materialize(planner, selection, partition, force=force, verify=verify)
    if as_json:
        emit(result)
    else:
        tell(result)
    if not result["success"]:
        raise typer.Exit(FAILED)


def train_now(planner: Planner, model: str, reason: str) -> dict[str, Any]:
    """Make all that a model needs, then train what its policy deferred; return one document."""
    selection = f"+group:{model}"
    first = materialize(planner, selection)
    if not first["success"]:
        return first
    if not ask(planner, model, reason):
        said = f"{model} is trained on all that has landed, so there is nothing to train now"
        return {**first, "warnings": [*first["warnings"], said]}
    second = materialize(planner, selection)
    again_made = {*second["executed"], *second["failed"]}
    return {
        **second,
        "executed": list(dict.fromkeys([*first["executed"], *second["executed"]])),
        "reused": [
            cell for cell in second["reused"] if cell not in {*first["executed"], *again_made}
        ],
        "run_ids": [*first["run_ids"], *second["run_ids"]],
        "seconds": round(first["seconds"] + second["seconds"], 3),
        "refused": [*first["refused"], *second["refused"]],
    }


def materialize(
    planner: Planner,
    selection: str | None = None,
    partition: str | None = None,
    *,
    force: bool = False,
    verify: bool = False,
) -> dict[str, Any]:
    """Plan and run until nothing is left to do; return the document that `run --json` prints."""
    started = time.perf_counter()
    follow(planner)
    settle(planner)
    with working("planning"):
        first = plan = planner.plan(selection, partition)
    tell_odd(plan, *odd(planner, plan))
    progress: list[Progress] = []
    run_ids: list[str] = []
    faults: list[str] = []
    warnings: list[str] = []
    success = True
    if force or verify:
        plan = again(plan, "forced" if force else "verified")
    for _ in range(ROUNDS):
        if not plan.todo or not success:
            break
        with ExitStack() as open_:
            token = ""
            if not (force or verify):
                # Before dagster is imported, so that the imports of both processes overlap.
                cells = [item.cell for item in plan.todo]
                token = open_.enter_context(beside(planner, cells, err.print))
            with importing():
                from ml_assets.graph.execute import execute

            live = open_.enter_context(Live(plan))
            done = execute(
                planner,
                plan,
                live.tell,
                begun=live.begin,
                force=force,
                verify=verify,
                token=token,
            )
        progress += done.progress
        run_ids += done.run_ids
        faults += done.faults
        warnings += done.warnings
        success = done.success
        before, plan = plan.wanted, planner.plan(selection, partition, look=False)
        if force or verify or plan.wanted == before:
            break
    if run_ids and plan.having("deferred"):
        from ml_assets.graph.deferred import show
        from ml_assets.graph.instance import open_instance

        with open_instance(planner.workspace) as instance:
            show(instance, plan.to_json()["deferred"])
    seconds = time.perf_counter() - started
    result = document(first, plan, progress, run_ids, success, seconds)
    held = planner.home.records.all_current(planner.home.env)
    result["refused"] = refused(planner, held, result["executed"])
    result["proposed"] = pending(planner.home, planner.project)
    result["decisions"] = decisions(planner, held, result["executed"])
    result["faults"] += faults
    result["warnings"] += dict.fromkeys(warnings)
    return result


def follow(planner: Planner) -> None:
    """Republish everything if the home was copied, because MLflow stores absolute paths."""
    if moved(planner.home):
        reset(planner.home)
        planner.home.records.mark_all_unpublished(planner.home.env)


def settle(planner: Planner) -> None:
    """Wait until files that were changed just now can be ingested."""
    deadline = time.monotonic() + 3 * SETTLE
    while observe(planner.home, planner.project).settling and time.monotonic() < deadline:
        time.sleep(0.25)


def again(plan: Plan, reason: str) -> Plan:
    """Return a plan that also runs what it would reuse."""
    cells = [
        replace(item, status="run", reason=reason) if item.status == "reuse" else item
        for item in plan.cells
    ]
    return Plan(cells, plan.observed)


def document(
    first: Plan,
    last: Plan,
    progress: Sequence[Progress],
    run_ids: Sequence[str],
    success: bool,
    seconds: float,
) -> dict[str, Any]:
    """Return the document that `run --json` prints."""

    def cells(state: str) -> list[str]:
        return list(dict.fromkeys(str(item.cell) for item in progress if item.state == state))

    executed, failed = cells("executed"), cells("failed")
    untouched = [str(i.cell) for i in first.cells if i.status in ("reuse", "deferred")]
    reused = [c for c in dict.fromkeys([*untouched, *cells("reused")]) if c not in executed]
    faults = list(dict.fromkeys(i.detail for i in progress if i.state == "failed" and i.detail))
    problems = list(first.observed.problems)
    done = {*executed, *reused, *failed}
    # Cells found waiting during execution: the plan does not know that a run failed.
    held = [i for i in progress if i.state == "waiting" and str(i.cell) not in done]
    waits = {str(item.cell): item.detail for item in held}
    waits |= {str(item.cell): item.reason for item in last.having("wait")}
    return {
        "run_id": run_ids[-1] if run_ids else None,
        "run_ids": list(run_ids),
        "success": success and not problems,
        "seconds": round(seconds, 3),
        "executed": executed,
        "reused": [cell for cell in reused if cell not in failed],
        "failed": failed,
        "waiting": list(waits),
        "waits": list(dict.fromkeys(waits.values())),
        "deferred": {item.cell.group: item.reason for item in last.having("deferred")},
        "faults": faults,
        "problems": problems,
        "warnings": [],
    }


Held = Mapping[tuple[str, str], Current]
"""The current cells, by asset and partition."""


def refused(planner: Planner, held: Held, executed: Sequence[str]) -> list[dict[str, str]]:
    """Return the batches that a run rejected: batch, file and reason."""
    made = set(executed)
    cells = [
        Cell(f"{dataset}/quarantine", batch)
        for dataset in planner.project.own
        for batch in planner.project.ordered(
            dataset, [batch for asset, batch in held if asset == f"{dataset}/quarantine"]
        )
    ]
    return [
        {"batch": str(cell).replace("/quarantine", ""), "file": facts["file"], "reason": why}
        for cell in cells
        if str(cell) in made
        if (why := (facts := held[cell.asset, cell.partition].facts).get("refused"))
    ]


def decisions(planner: Planner, held: Held, executed: Sequence[str]) -> list[dict[str, str]]:
    """Return what the gate decided in a run: model, verdict and reason."""
    decided = [
        (model, current.facts)
        for model in planner.project.models
        if f"{model}/champion" in executed
        and (current := held.get((f"{model}/champion", ""))) is not None
    ]
    return [
        {"model": model, "verdict": facts["verdict"], "reason": facts["reason"]}
        for model, facts in decided
        if "verdict" in facts
    ]


def together(faults: Sequence[str]) -> list[str]:
    """Return the messages with batches of equal text joined on one line.

    >>> together(["a/raw@1: no space", "a/raw@2: no space", "b/raw: gone"])
    ['a/raw@1, a/raw@2: no space', 'b/raw: gone']
    """
    places: dict[str, list[str]] = {}
    for fault in faults:
        place, _, said = fault.partition(": ")
        places.setdefault(said, []).append(place)
    return [": ".join(part for part in (listed(p), said) if part) for said, p in places.items()]


def tell(result: dict[str, Any]) -> None:
    """Print what a run did."""
    for item in result["refused"]:
        said = f"{item['batch']} ({item['file']}): {item['reason']}"
        err.print(styled(("refused", "red"), f" {said}"))
    tell_proposed(result["proposed"])
    for fault in together(result["faults"]):
        err.print(styled(("failed", "red"), f" {fault}"))
    for reason in result["waits"]:
        err.print(styled(("waiting", "yellow"), f" {reason}"))
    for model, reason in result["deferred"].items():
        err.print(styled(("deferred", "yellow"), f" {model}: {reason}"))
    for decided in result["decisions"]:
        err.print(styled((decided["model"], "bold"), f": {decided['reason']}"))
    for warning in result["warnings"]:
        err.print(styled(("warning", "yellow"), f" {warning}"))
    besides = ""
    if not result["success"] and not result["failed"]:
        # Publishing to Dagster or MLflow can fail too.
        what = "not every file was ingested" if result["problems"] else "the run failed"
        besides = f"; {what} (see above)"
    if result["run_id"] is None:
        said = f"nothing to do: {len(result['reused'])} reused, in {result['seconds']:.1f} s"
        out.print(f"{said}{besides}")
        return
    out.print(
        f"{len(result['executed'])} executed, {len(result['reused'])} reused, "
        f"{len(result['failed'])} failed, in {result['seconds']:.1f} s{besides}"
    )
