"""What happened in the year, as one document: read from the home, like anybody can.

Belongs here: reading. Does not belong here: words of a page (`page`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docs.year.world import FAULTY, MODEL, REQUESTS
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current

REPORT = "monitoring_report"


def story(home: Home, project: Project) -> dict[str, Any]:
    """Return the logs and figures of the model, in order of time."""
    return {
        "promotions": [_promotion(entry) for entry in home.promotions.entries(home.env, MODEL)],
        "verdicts": [
            {"at": one.at[:10], "train": one.verdict.train, "said": one.verdict.said}
            for one in home.verdicts.entries(home.env, MODEL)
        ],
        "months": [_month(home, *item) for item in _reports(home, project, MODEL)],
        "days": [_day(home, *item) for item in _reports(home, project, REQUESTS)],
    }


def newest_day(home: Home, project: Project) -> Mapping[str, Any] | None:
    """Return the figures of the newest day of requests; None before the first."""
    found = _reports(home, project, REQUESTS)
    return _day(home, *found[-1]) if found else None


def _reports(home: Home, project: Project, group: str) -> list[tuple[str, Current]]:
    held = home.records.held(home.env, f"{group}/{REPORT}")
    return [(batch, held[batch]) for batch in project.ordered(group, held)]


def _promotion(entry: Any) -> dict[str, Any]:
    return {
        "at": entry.at[:10],
        "action": entry.action,
        "version": f"v{entry.version}",
        "reason": entry.reason,
        "actor": entry.actor,
    }


def _warns(current: Current) -> list[str]:
    return [check["name"] for check in current.checks if check["passed"] is False]


def _month(home: Home, batch: str, current: Current) -> dict[str, Any]:
    figures = home.objects.json(current.outputs["figures"].digest)
    return {
        "batch": batch,
        "version": figures["model"],
        "rows": figures["rows"],
        "warns": _warns(current),
        "joint": None if figures["joint"] is None else figures["joint"]["auc"],
        "estimated": _interval(figures["estimated"].get("mae")),
        "realized": _interval(figures["realized"].get("mae")),
        "test": _interval((figures["realized"].get("mae") or {}).get("test")),
    }


def _day(home: Home, batch: str, current: Current) -> dict[str, Any]:
    figures = home.objects.json(current.outputs["figures"].digest)
    drift = figures["drift"].get(FAULTY)
    return {
        "batch": batch,
        "version": figures["model"],
        "rows": figures["rows"],
        "warns": _warns(current),
        "effect": None if drift is None else drift["value"],
        "limit": None if drift is None else drift["threshold"],
        "over": drift is not None and bool(drift["over"]),
        "realized": _interval(figures["realized"].get("mae")),
    }


def _interval(entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if entry is None or entry.get("value") is None:
        return None
    return {name: entry.get(name) for name in ("value", "low", "high")}
