"""What was observed in a period: data that landed, checks that failed, alarms, use, deletions.

Belongs here: what is recorded of data and predictions. Does not belong here: decisions (`decided`).

Checks are those of the home: its environments share what they compute. A check is recorded as it
is first computed; one that is computed again with the same result is not listed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_assets.operations.audit.period import Period
from ml_assets.operations.watched import ASSET, watched
from ml_assets.spec.project import Project
from ml_assets.spec.requests_dataset import requests_name
from ml_assets.store.happened import Happened
from ml_assets.store.happened import happened as recorded
from ml_assets.store.home import Home

GATE = "champion"
"""The unit whose checks are decisions, which are listed as such."""


def datasets_of(project: Project, model: str) -> list[str]:
    """Return the datasets that a model reads."""
    spec = project.models[model]
    return list(dict.fromkeys([spec.dataset, *(join.dataset for join in spec.joins)]))


def watching(project: Project, model: str) -> list[str]:
    """Return what monitoring reports are of: a model, and what the service was asked."""
    made = requests_name(model)
    return [model, *([made] if made in project.requests else [])]


def happened(home: Home, project: Project, model: str, period: Period) -> list[Happened]:
    """Return what was computed for a model and its datasets in a period."""
    groups = [*datasets_of(project, model), *watching(project, model)]
    return list(recorded(home.state, groups, period.start, period.end))


def alarms(
    home: Home, project: Project, model: str, found: Sequence[Happened], period: Period
) -> list[dict[str, Any]]:
    """Return the warnings of reports and checks, and alarms over all batches together."""
    listed = [item for one in found for item in _failed(one) if _warns(one, item)]
    for group in watching(project, model):
        seen = watched(home, project, group)
        if seen is None or not (seen.since or seen.columns):
            continue
        held = home.records.held(home.env, f"{group}/{ASSET}")
        batch = seen.since or seen.batches[-1]
        if held[batch].updated in period:
            listed.append(
                {
                    "at": held[batch].updated,
                    "of": f"{group}/{ASSET}",
                    "batch": batch,
                    "check": "over batches",
                    "severity": "warn",
                    "text": seen.line(),
                }
            )
    return sorted(listed, key=lambda item: str(item["at"]))


def incidents(home: Home, found: Sequence[Happened]) -> list[dict[str, Any]]:
    """Return refused batches, and checks that failed as errors."""
    listed = []
    for one in found:
        if one.part == "clean":
            refused = _refused(home, one)
            if refused is not None:
                listed.append({**_place(one), "check": "refused batch", **refused})
        listed += [item for item in _failed(one) if not _warns(one, item)]
    return listed


def _warns(one: Happened, item: dict[str, Any]) -> bool:
    return one.kind == ASSET or item["severity"] == "warn"


def _refused(home: Home, one: Happened) -> dict[str, Any] | None:
    digest = one.outputs["summary"].digest
    if home.objects.missing([digest]):
        return None
    said = home.objects.json(digest)["refused"]
    return None if said is None else {"severity": "error", "text": said}


def _failed(one: Happened) -> list[dict[str, Any]]:
    return [
        {
            **_place(one),
            "check": check["name"],
            "severity": check["severity"],
            "text": check["description"],
        }
        for check in one.checks
        if check["passed"] is False and one.kind != GATE
    ]


def _place(one: Happened) -> dict[str, Any]:
    return {"at": one.created, "of": f"{one.group}/{one.kind}", "batch": one.batch or None}


def landings(home: Home, project: Project, model: str, period: Period) -> list[dict[str, Any]]:
    """Return the files that landed, by time."""
    names = {*datasets_of(project, model), requests_name(model)}
    found = [
        {
            "at": item.landed,
            "dataset": dataset,
            "batch": batch or None,
            "file": item.name,
            "digest": item.digest,
        }
        for (dataset, batch), items in home.batches.landed().items()
        if dataset in names
        for item in items
        if item.landed in period
    ]
    return sorted(found, key=lambda item: (str(item["at"]), str(item["dataset"])))


def used(home: Home, project: Project, model: str, period: Period) -> dict[str, Any]:
    """Return the batches that were predicted and by which version, and the days of requests."""
    held = home.records.held(home.env, f"{model}/predictions")
    days = home.records.held(home.env, f"{requests_name(model)}/cleaned")
    first, last = period.start[:10], period.end[:10]
    return {
        "batches": [
            {
                "batch": batch or None,
                "at": held[batch].updated,
                "version": held[batch].facts["scorer"],
                "rows": held[batch].facts["rows"],
            }
            for batch in project.ordered(model, held)
            if held[batch].updated in period
        ],
        "days": [
            {"day": day, "rows": days[day].facts.get("cleaned", 0)}
            for day in sorted(days)
            if first <= day <= last
        ],
    }


def deletions(home: Home, project: Project, model: str, period: Period) -> list[dict[str, Any]]:
    """Return what was deleted by law or by retention: the tombstones, never the values."""
    names = {*datasets_of(project, model), requests_name(model)}
    return [
        {
            "at": one.at,
            "dataset": one.dataset,
            "batch": one.batch or None,
            "rows": one.rows,
            "reason": one.reason,
        }
        for one in home.removals.forgettings()
        if one.dataset in names and one.at in period
    ]
