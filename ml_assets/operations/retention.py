"""Days of requests that are older than their model keeps them.

A day that a decision names, by the content that its evidence was computed from, stays: the decision
could not be looked into without it. Belongs here: which days. Does not belong here: their removal
(`forget`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from sqlalchemy import select

from ml_assets import clock
from ml_assets.history.ancestry import Ancestry, ancestry_of
from ml_assets.operations.gc import DIGEST
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.state import promotions

Place = tuple[str, str]
"""A dataset and a day."""
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def past(home: Home, project: Project, now: datetime | None = None) -> dict[Place, str]:
    """Return the sealed days of every environment that are too old, and why, oldest first."""
    today = (now or clock.now()).astimezone(UTC).date()
    limits: Mapping[str, tuple[date, str]] = {
        dataset: (today - said.kept_for, said.retention)
        for dataset, model in project.requests.items()
        if (said := project.models[model].requests) is not None
    }
    overdue = {
        (dataset, day): f"older than {limits[dataset][1]}"
        for dataset, day in home.batches.everywhere()
        if dataset in limits and DAY.fullmatch(day) and date.fromisoformat(day) < limits[dataset][0]
    }
    return dict(sorted(overdue.items(), key=lambda item: (item[0][1], item[0][0])))


def expired(home: Home, project: Project, now: datetime | None = None) -> dict[Place, str]:
    """Return the days that are to be removed: those that are too old and that no decision names."""
    overdue = past(home, project, now)
    if not overdue:
        return {}
    named, ancestry = _named(home), ancestry_of(home)
    landed = home.batches.everywhere()
    return {
        place: why
        for place, why in overdue.items()
        if named.isdisjoint(_contents(ancestry, {item.digest for item in landed[place]}))
    }


def _named(home: Home) -> set[str]:
    """Return every digest that the log of decisions names."""
    with home.state.read() as db:
        rows = db.execute(select(promotions)).all()
    return {digest for row in rows for digest in DIGEST.findall(" ".join(map(str, row)))}


def _contents(ancestry: Ancestry, landed: set[str]) -> set[str]:
    """Return a day's file and all that was made from it."""
    steps = ancestry.made_from(landed)
    return {*landed, *(ref.digest for step in steps for ref in step.outputs.values())}
