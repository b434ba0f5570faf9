"""The document of an audit, put together.

Belongs here: its form. Does not belong here: what is in its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_assets.errors import LogBroken
from ml_assets.operations.audit import decided, observed
from ml_assets.operations.audit.checklist import checklist
from ml_assets.operations.audit.period import period
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.promotions import LogEntry
from ml_assets.store.state import now

FORMAT = 1
EPOCH = "1970-01-01T00:00:00.000+00:00"


def audit(
    home: Home, project: Project, model: str, start: str | None = None, end: str | None = None
) -> dict[str, Any]:
    """Return what the home has on record of a model from a time to another (ISO; UTC).

    By default from the first record to now. RequestError for times that are none or not in order,
    LogBroken if the promotion log cannot be read; one that was edited is read, and said to be.
    """
    broken = None
    try:
        entries = home.promotions.verify(home.env, model)
    except LogBroken as error:
        entries, broken = home.promotions.entries(home.env, model), str(error)
    span = period(start, end, _first(home, project, model, entries), now())
    found = observed.happened(home, project, model, span)
    datasets = observed.datasets_of(project, model)
    document: dict[str, Any] = {
        "format": FORMAT,
        "model": model,
        "environment": home.env,
        "from": span.start,
        "to": span.end,
        "log": {
            "entries": len(entries),
            "hash": entries[-1].hash if entries else None,
            "broken": broken,
        },
        "in_use": decided.in_use(entries, span),
        "decisions": decided.decisions(home, entries, span),
        "overrides": decided.overrides(home, model, datasets, entries, span),
        "holds": decided.holds(entries, span),
        "trials": decided.trials(home, model, entries, span),
        "alarms": observed.alarms(home, project, model, found, span),
        "incidents": observed.incidents(home, found),
        "trainings": decided.trainings(home, model, span),
        "landings": observed.landings(home, project, model, span),
        "use": observed.used(home, project, model, span),
        "deletions": observed.deletions(home, project, model, span),
        "not_on_record": list(NOT_ON_RECORD),
    }
    return {**document, "checklist": checklist(project, model, document)}


NOT_ON_RECORD = (
    "requests that the service refused or could not answer: /metrics counts them while it runs",
    "runs that failed: Dagster's page keeps them",
    "who withdrew a batch: the reason is recorded, the person is not",
    "content that `ml-assets gc` removed, other than what a decision names",
)
"""What an audit does not show, since a home does not hold it."""


def _first(home: Home, project: Project, model: str, entries: Sequence[LogEntry]) -> str:
    """Return the time of the first record of a model and its datasets."""
    names = observed.datasets_of(project, model)
    landed = [
        item.landed
        for (dataset, _), items in home.batches.landed().items()
        if dataset in names
        for item in items
    ]
    return min([*landed, *(entry.at for entry in entries[:1])], default=EPOCH)
