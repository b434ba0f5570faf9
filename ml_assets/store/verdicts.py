"""Verdicts on training again: when a model was trained because of new data, or not, and why.

Belongs here: the log of an environment and model, which only grows. Does not belong here: how a
verdict is reached (`engine/retrain`).

A plan logs a verdict when it differs from the last one; that a plan looked changes nothing else, so
the log is not part of the fingerprint that makes the sensor plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select

from ml_assets.store.state import State, dump, insert_missing, load, now, settings

PREFIX = "verdict:"


@dataclass(frozen=True)
class Verdict:
    """Whether a change of the data trains a model now, and why."""

    train: bool
    said: str
    """The reason, with its figures."""
    inputs: str
    """Digest of the data that it is about; "" if they are still to be made."""
    policy: str
    """Digest of the policy."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    data_time: str | None = None
    """The newest event time of the data (ISO)."""
    due_at: str | None = None
    """When the verdict changes though nothing else does (ISO, UTC)."""
    by: str = ""
    """Who asked for a training out of turn."""
    reason: str = ""
    """Why they did."""

    @property
    def told(self) -> tuple[Any, ...]:
        """What makes it another verdict than the last; `said` also says how long ago it was."""
        figures = dump(dict(self.figures))
        return self.train, figures, self.inputs if self.train else "", self.policy, self.by


@dataclass(frozen=True)
class Logged:
    """A verdict on the log."""

    at: str
    """UTC, ISO."""
    verdict: Verdict


class Verdicts:
    """The logs of a home."""

    def __init__(self, state: State) -> None:
        self._state = state

    def entries(self, env: str, model: str) -> list[Logged]:
        """Return a model's log, oldest first."""
        mine = settings.c.key.startswith(f"{PREFIX}{model}/", autoescape=True)
        with self._state.read() as db:
            rows = db.execute(
                select(settings.c.value).where(settings.c.env == env, mine).order_by(settings.c.key)
            ).scalars()
            documents = [load(text) for text in rows]
        return [Logged(document.pop("at"), Verdict(**document)) for document in documents]

    def pinned(self, env: str, model: str, inputs: str, policy: str) -> Verdict | None:
        """Return the verdict by which these data are trained under this policy, if there is one."""
        about = (True, inputs, policy)
        found = (entry.verdict for entry in self.entries(env, model))
        return next((v for v in found if (v.train, v.inputs, v.policy) == about), None)

    def log(self, env: str, model: str, verdict: Verdict) -> bool:
        """Append a verdict unless the last says the same; return whether it was appended."""
        before = self.entries(env, model)
        if before and before[-1].verdict.told == verdict.told:
            return False
        key = f"{PREFIX}{model}/{len(before):08d}"
        row = {"env": env, "key": key, "value": dump({**asdict(verdict), "at": now()})}
        with self._state.write() as db:
            insert_missing(db, settings, [row])
        return True
