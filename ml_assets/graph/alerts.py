"""Sensors that send alerts after a run: warnings of monitoring reports, and that a run failed.

Belongs here: when to look. Does not belong here: what is sent (`operations/alerts`).
"""

from __future__ import annotations

import logging

import dagster as dg

from ml_assets.operations.alerts import due, failed, send
from ml_assets.spec.project import Project, read_project
from ml_assets.workspace import locate


def alert_sensors(project: Project) -> list[dg.SensorDefinition]:
    """Return the sensors of a project; none if no model's spec asks for alerts."""
    asking = [m for m in project.models.values() if m.monitoring and m.monitoring.alerts]
    if not asking:
        return []

    @dg.run_status_sensor(
        name="alerts",
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends the warnings of monitoring reports that were not sent yet.",
    )
    def alerts(context: dg.RunStatusSensorContext) -> None:
        _send(context.log)

    @dg.run_status_sensor(
        name="alerts_of_failures",
        run_status=dg.DagsterRunStatus.FAILURE,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends an alert when a run fails.",
    )
    def alerts_of_failures(context: dg.RunStatusSensorContext) -> None:
        _send(context.log, context.dagster_run.run_id)

    return [alerts, alerts_of_failures]


def _send(log: logging.Logger, run_id: str = "") -> None:
    """Send what is due, and if given that a run failed; raise dg.Failure if something was not."""
    workspace = locate()
    home = workspace.open_home()
    try:
        project = read_project(workspace.defs, home.claims.read)
        alerts = due(home, project) + (failed(home, project, run_id) if run_id else [])
        problems = []
        for alert in alerts:
            log.warning(alert.text())
            problem = send(home, project, alert)
            problems += [] if problem is None else [f"{alert.model}: {problem}"]
    finally:
        home.close()
    if problems:
        raise dg.Failure("; ".join(problems))
