"""alerts: sends the warnings of monitoring reports to where the specs say."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ml_assets.cli.console import err, out
from ml_assets.cli.here import opened
from ml_assets.cli.output import JSON, emit, guarded


@guarded
def alerts(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them, and send none.")] = False,
    as_json: bool = JSON,
) -> None:
    """Send the warnings of each model's newest monitoring report that were not sent yet.

    Dagster does so after each run; elsewhere call it after `run`. Exit code 1 if one was not sent.

    Example: ml-assets alerts --dry-run
    """
    from ml_assets.operations.alerts import due, send

    planner = opened()
    warnings = due(planner.home, planner.project)
    problems = {}
    for alert in warnings:
        problem = None if dry_run else send(planner.home, planner.project, alert)
        if problem is not None:
            problems[alert.model] = problem
        if not as_json:
            out.print(alert.text(), markup=False)
    if as_json:
        emit({"alerts": [asdict(alert) for alert in warnings], "not_sent": problems})
    elif not warnings:
        out.print("nothing to send")
    for model, problem in problems.items():
        err.print(f"{model}: not sent: {problem}", markup=False)
    if problems:
        raise typer.Exit(1)
