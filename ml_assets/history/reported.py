"""Which evaluation report belongs to which candidate, so that both are shown for one version.

While a new candidate's report is being made, the current report is that of the previous candidate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.promotions import LogEntry
from ml_assets.store.records import Current, Version

GIVEN = ("model", "leaderboard")
"""The outputs of a candidate that are inputs of its evaluation."""


@dataclass(frozen=True)
class Standing:
    """What an environment holds of a model at one moment."""

    candidate: Current | None
    report: Current | None
    """This candidate's report; None while it is being made."""
    entries: list[LogEntry]
    """The promotion log."""


def standing_of(home: Home, model: str) -> Standing:
    """Return a model's candidate, its own report and the log; raises LogBroken."""
    names = (f"{model}/candidate", f"{model}/evaluation_report")
    with home.state.read() as db:
        held = home.records.several(db, home.env, names)
        entries = home.promotions.read(db, home.env, model)
    candidate, report = (held.get(name) for name in names)
    if candidate is None or report is None or not _is_of(home, report.actions, candidate.outputs):
        report = None
    return Standing(candidate, report, entries)


def newest_report(home: Home, model: str, candidate: Mapping[str, Ref]) -> Version | None:
    """Return the newest report of a candidate, given by its outputs; None if there is none."""
    return next(
        (
            version
            for version in reversed(home.records.versions(f"{model}/evaluation_report"))
            if _is_of(home, version.actions, candidate)
        ),
        None,
    )


def _is_of(home: Home, report: Mapping[str, str], candidate: Mapping[str, Ref]) -> bool:
    """Return whether a report, given by its actions, evaluated this candidate."""
    # The action of a forgotten report is gone.
    evaluated = home.records.action(report.get("evaluate", ""))
    if evaluated is None:
        return False
    inputs = evaluated.ingredients["inputs"]
    return all(inputs[name] == candidate[name].digest for name in GIVEN)
