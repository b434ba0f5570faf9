"""Alerts: the warnings of a model's newest monitoring report, sent once to where its spec says.

Belongs here: which warnings are new, their text, sending it. Does not belong here: when to look
(`graph/alerts`, `cli/alerts`).

A warning that the batch before had, too, is told only with others: repeated ones are folded.
A text holds reasons and figures, and no value of a row: a check's own sentence may quote one.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ml_assets.operations.watched import ASSET, monitoring_of
from ml_assets.spec.monitoring import Alerts
from ml_assets.spec.project import Project
from ml_assets.stages.counted import counted
from ml_assets.stages.quality.words import listed, number
from ml_assets.store import aside
from ml_assets.store.home import Home
from ml_assets.store.records import Current

FILE = "alerts.json"
PAGE = "ML_ASSETS_DAGSTER_URL"
"""The environment variable with the address of Dagster's page, for the link."""
SECONDS = 10


@dataclass(frozen=True)
class Alert:
    """What to tell of a batch."""

    model: str
    """The model, or the dataset of its requests."""
    batch: str | None
    """None if it is about no batch."""
    environment: str
    warnings: Mapping[str, str]
    """Check to reason, with figures: those that are new."""
    still: Mapping[str, int] = field(default_factory=dict)
    """Checks that warned before, too, with the number of batches in a row."""
    link: str = ""

    def text(self) -> str:
        """Return it for people, one line for each reason."""
        about = f"{self.model} {self.batch or ''}".strip()
        lines = [f"{about} ({self.environment}): {counted(len(self.warnings), 'warning')}"]
        lines += [f"- {check}: {said}" for check, said in self.warnings.items()]
        lines += [
            f"- {check}: still, in {counted(batches, 'batch', 'batches')}"
            for check, batches in self.still.items()
        ]
        return "\n".join([*lines, self.link] if self.link else lines)


def due(home: Home, project: Project) -> list[Alert]:
    """Return the alerts that were not sent yet, of models (and requests) that are to have them."""
    sent, alerts = _sent(home), []
    for group in (*project.models, *project.requests):
        spec = monitoring_of(project, group)
        if spec is None or spec.alerts is None:
            continue
        held = home.records.held(home.env, f"{group}/{ASSET}")
        batches = project.ordered(group, held)
        alerts += _of(home, group, batches, held, sent.get(group, {}))
    return alerts


def failed(home: Home, project: Project, run_id: str) -> list[Alert]:
    """Return an alert that a run of Dagster failed, for each address that a spec names."""
    alerts: dict[str, Alert] = {}
    base = os.environ.get(PAGE, "").rstrip("/")
    for model, spec in project.models.items():
        if spec.monitoring is not None and spec.monitoring.alerts is not None:
            link = f"{base}/runs/{run_id}" if base else ""
            said = {"run": f"run {run_id[:8]} failed; Dagster's page says why"}
            alert = Alert(model, None, home.env, said, link=link)
            alerts.setdefault(spec.monitoring.alerts.variable, alert)
    return list(alerts.values())


def send(home: Home, project: Project, alert: Alert) -> str | None:
    """Send an alert and note that it was; return why it was not, if so: it stays due."""
    monitoring = monitoring_of(project, alert.model)
    assert monitoring is not None
    asked = monitoring.alerts
    assert asked is not None
    problem = _post(asked, alert)
    if problem is None and alert.batch is not None:
        sent = _sent(home)
        told = _told(sent.get(alert.model, {}), alert.batch) | set(alert.warnings)
        sent[alert.model] = {"batch": alert.batch, "warnings": sorted(told)}
        aside.write(home.folder / FILE, json.dumps(sent).encode())
    return problem


def _of(
    home: Home,
    model: str,
    batches: Sequence[str],
    held: Mapping[str, Current],
    sent: Mapping[str, Any],
) -> list[Alert]:
    """Return the alert of the newest batch; none without a warning that is new."""
    if not batches:
        return []
    newest, new, still = batches[-1], {}, {}
    told = _told(sent, newest)
    for check in held[newest].checks:
        name = check["name"]
        if check["passed"] is not False or name in told:
            continue
        row = _in_a_row(name, batches, held)
        if row > 1:
            still[name] = row
        else:
            new[name] = reason(check["metadata"])
    return [Alert(model, newest, home.env, new, still, _link(model, newest))] if new else []


def _told(sent: Mapping[str, Any], batch: str) -> set[str]:
    """Return the checks of a batch whose warning was sent."""
    return set(sent["warnings"]) if sent.get("batch") == batch else set()


def _in_a_row(name: str, batches: Sequence[str], held: Mapping[str, Current]) -> int:
    """Return in how many batches in a row, up to the newest, a check warns."""
    count = 0
    for batch in reversed(batches):
        verdicts = {check["name"]: check["passed"] for check in held[batch].checks}
        if verdicts.get(name) is not False:
            break
        count += 1
    return count


def reason(numbers: Mapping[str, Any]) -> str:
    """Return why a check warns, by its figures alone."""
    if "effects" in numbers:
        limits = numbers["thresholds"]
        over = {
            name: effect / limits[name]
            for name, effect in numbers["effects"].items()
            if limits[name] and effect > limits[name]
        }
        names = sorted(over, key=lambda name: -over[name])
        worst = names[0]
        said = f"{numbers['drifted_columns']} of {numbers['compared_columns']} changed: "
        said += f"{listed(names)}; most of all {worst}, effect "
        return f"{said}{number(numbers['effects'][worst])}, limit {number(limits[worst])}"
    shown = {name: value for name, value in numbers.items() if name != "false_alarm_rate"}
    return ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in shown.items())


def _link(model: str, batch: str) -> str:
    base = os.environ.get(PAGE, "")
    if not base:
        return ""
    address = f"{base.rstrip('/')}/assets/{model}/{ASSET}"
    return f"{address}?partition={batch}" if batch else address


def _sent(home: Home) -> dict[str, Any]:
    try:
        document = json.loads((home.folder / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _post(asked: Alerts, alert: Alert) -> str | None:
    """Send an alert to a webhook; return why it did not arrive."""
    url = os.environ.get(asked.variable, "")
    if not url.startswith(("http://", "https://")):
        return (
            f"{asked.variable} does not hold the address of a webhook, wanted http:// or https://"
        )
    body = {"text": alert.text()}
    if asked.form == "json":
        body |= asdict(alert)
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return f"the webhook in {asked.variable} answered with status {error.code}"
    except (OSError, ValueError) as error:
        # The address may hold a secret, and what is raised may quote it.
        return f"the webhook in {asked.variable} was not reached ({type(error).__name__})"
