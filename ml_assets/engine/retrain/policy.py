"""Judges a policy: whether what is known of new data is enough to train, in words and figures.

Belongs here: a pure function of the policy and the evidence. Does not belong here: where evidence
comes from (`evidence`), what follows (`deferral`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ml_assets.spec.retrain import Condition, Retrain, after, rate
from ml_assets.stages.counted import counted
from ml_assets.stages.quality.words import number


@dataclass(frozen=True)
class Reading:
    """A figure of the newest monitoring report that has it."""

    over: bool
    said: str
    """With its limit."""


@dataclass(frozen=True)
class Evidence:
    """What is known when a policy is judged."""

    rows: int = 0
    """Rows with a label that are new or changed."""
    unlabelled: int = 0
    """New rows without one."""
    withdrawn: Sequence[str] = ()
    """Batches that the candidate was made from and that are gone."""
    drift: Reading | None = None
    estimated: Reading | None = None
    realized: Reading | None = None
    reports: int = 0
    """Monitoring reports on new data."""
    trained: Sequence[datetime] = ()
    """The times of past trainings, the candidate's own last."""
    now: datetime | None = None


@dataclass(frozen=True)
class Judged:
    """What a policy says."""

    train: bool
    said: str
    due: datetime | None = None
    """When time alone changes it."""
    figures: dict[str, Any] = field(default_factory=dict)


def asked_of(policy: Retrain) -> set[str]:
    """Return which figures of monitoring reports a policy reads."""
    conditions = policy.when.conditions
    return {c.loss or "drift" for c in conditions if c.loss is not None or c.drift}


def judge(policy: Retrain, known: Evidence) -> Judged:
    """Return whether to train, and why."""
    conditions = policy.when.conditions
    held = [_holds(condition, known) for condition in conditions]
    verdicts = [holds for holds, _ in held]
    train = (all(verdicts) if policy.when.all is not None else any(verdicts)) or not held
    parts = [said for holds, said in held if holds or not train]
    allowed = _allowed(policy, known)
    if allowed is not None and train:
        parts.append(f"at most {policy.at_most}, so not before {_time(allowed)}")
    elif not held:
        parts.append(_rows(known))
    train = train and allowed is None
    said = "; ".join([*parts, *_besides(policy, known, train)])
    figures = {
        "rows": known.rows,
        "unlabelled": known.unlabelled,
        "withdrawn": list(known.withdrawn),
        # How long ago something was changes by itself.
        "conditions": [
            [*condition.asked, holds, "" if condition.every is not None else said]
            for condition, (holds, said) in zip(conditions, held, strict=True)
        ],
        "allowed": allowed is None,
    }
    due = None if train or policy.time == "data" else _due(policy, known, allowed)
    return Judged(train, said if train else f"not trained: {said}", due, figures)


def _holds(condition: Condition, known: Evidence) -> tuple[bool, str]:
    if condition.new_rows is not None:
        said = f"{_rows(known)} of {condition.new_rows:,}"
        left = f" ({known.unlabelled:,} more without a label)" if known.unlabelled else ""
        return known.rows >= condition.new_rows, said + left
    if condition.every is not None:
        return _every(condition.every, known)
    name = condition.loss or "drift"
    reading: Reading | None = getattr(known, name)
    if reading is not None:
        return reading.over, reading.said
    what = name if name == "drift" else f"{name} loss"
    if not known.reports:
        return False, f"{what}: no monitoring report on new data"
    about = counted(known.reports, "monitoring report")
    why = ", since no label has come" if name == "realized" and known.unlabelled else ""
    return False, f"{what}: not known from {about} on new data{why}"


def _every(period: str, known: Evidence) -> tuple[bool, str]:
    if not known.trained or known.now is None:
        return False, f"every {period}: the time is not known"
    due = after(known.trained[-1], period)
    return known.now >= due, f"{_ago(known)} of {period}"


def _ago(known: Evidence) -> str:
    """Return how long ago the last training was."""
    assert known.now is not None, "a time to compare with"
    passed = known.now - known.trained[-1]
    if passed < timedelta():
        return f"the time is {_length(-passed)} before the last training"
    return f"last {_length(passed)} ago"


def _length(passed: timedelta) -> str:
    """Return a length in words.

    >>> _length(timedelta(days=2, hours=5)), _length(timedelta(hours=30)), _length(timedelta(0))
    ('2 days', '30 hours', '0 hours')
    """
    hours = int(passed.total_seconds() // 3600)
    return counted(hours // 24, "day") if hours >= 48 else counted(hours, "hour")


def _besides(policy: Retrain, known: Evidence, train: bool) -> list[str]:
    """Return what is said besides the conditions."""
    timed = any(condition.every is not None for condition in policy.when.conditions)
    said = [] if train or timed or not known.trained or known.now is None else [_ago(known)]
    if known.withdrawn and not train:
        said.append(f"withdrawn and still in the model: {', '.join(known.withdrawn[:3])}")
    return said


def _rows(known: Evidence) -> str:
    return counted(known.rows, "new row")


def _allowed(policy: Retrain, known: Evidence) -> datetime | None:
    """Return the time before which `at_most` allows no training, if that is not over."""
    if policy.at_most is None or known.now is None:
        return None
    count, window = rate(policy.at_most)
    past = known.trained
    if len(past) < count:
        return None
    until = after(past[-count], window)
    return until if known.now < until else None


def _due(policy: Retrain, known: Evidence, allowed: datetime | None) -> datetime | None:
    """Return when time alone may change the verdict."""
    periods = [c.every for c in policy.when.conditions if c.every is not None]
    due = [after(known.trained[-1], period) for period in periods if known.trained]
    times = [time for time in (*due, allowed) if time is not None]
    coming = [time for time in times if known.now is None or time > known.now]
    return min(coming, default=None)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}".removesuffix(" 00:00")


def reading(name: str, value: float, limit: float | None, over: bool, batch: str) -> Reading:
    """Return a figure and its limit in words."""
    of = "" if limit is None else f" of {number(limit)}"
    where = f" ({batch})" if batch else ""
    return Reading(over, f"{name} {number(value)}{of}{where}")
