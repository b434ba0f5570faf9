"""Which trial is on in an environment, and how it ends: on the promotion log, once.

Belongs here: reading and writing the log for trials. Does not belong here: verdicts
(`stages/trial`), which batches count (`engine/recipes/trial`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_assets.history.decisions import actor
from ml_assets.store.home import Home
from ml_assets.store.promotions import (
    PROMOTED,
    REFUSED,
    LogEntry,
    LoggedVersion,
    challenger_of,
    champion_of,
    held_in,
)
from ml_assets.store.records import Current

ENDS = {"better": PROMOTED, "worse": REFUSED, "equivalent": REFUSED, "undecided": REFUSED}
"""What each verdict makes of the challenger."""


@dataclass(frozen=True)
class Running:
    """A trial that is on."""

    champion: LoggedVersion
    challenger: LoggedVersion
    since: str
    """When both were what they are: the time of the later entry (UTC, ISO)."""


def running(home: Home, model: str) -> Running | None:
    """Return the trial that is on: of a champion and a challenger that is not held."""
    return running_in(home.promotions.entries(home.env, model))


def running_in(entries: Sequence[LogEntry]) -> Running | None:
    """Return the trial that is on at the end of a promotion log."""
    champion, challenger = champion_of(entries), challenger_of(entries)
    if champion is None or challenger is None or challenger.digest in held_in(entries):
        return None
    since = max(entries[item.entry - 1].at for item in (champion, challenger))
    return Running(champion, challenger, since)


def log_verdict(home: Home, model: str, current: Current) -> LogEntry | None:
    """Append what a trial's verdict makes of the challenger; return the new entry.

    Nothing is appended while the trial runs, nor if its challenger no longer waits: the verdict
    is on the log already, or somebody decided otherwise. Raises Conflict and LogBroken.
    """
    action, current_trial = ENDS.get(str(current.facts["verdict"])), running(home, model)
    if action is None or current_trial is None:
        return None
    pair = (current_trial.champion.digest, current_trial.challenger.digest)
    if pair != (current.facts["champion"], current.facts["challenger"]):
        return None
    evidence = {"trial": current.outputs["trial"].digest}
    return end(home, model, current_trial, action, str(current.facts["sentence"]), evidence)


def end(
    home: Home,
    model: str,
    current_trial: Running,
    action: str,
    reason: str,
    evidence: dict[str, str] | None = None,
) -> LogEntry:
    """Append that a trial's challenger is promoted or refused; raises Conflict and LogBroken."""
    return home.promotions.append(
        home.env,
        model,
        action=action,
        version=current_trial.challenger.version,
        digest=current_trial.challenger.digest,
        expected=current_trial.champion.digest,
        actor=actor(),
        reason=reason,
        evidence=evidence,
    )
