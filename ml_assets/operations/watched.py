"""A model's monitoring reports over time: which checks warn, and whether there is an alarm.

Belongs here: reading what is recorded of each batch. Does not belong here: the alarm itself
(`stages/monitor/alarms`), sending it (`alerts`).

A check looks at one batch. An alarm looks at the order of all batches: it is raised if the figures
of late batches are not like those of early ones, however often one looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml_assets.assets.edges import model_of
from ml_assets.spec.monitoring import Monitoring
from ml_assets.spec.project import Project
from ml_assets.stages.monitor.alarms import alarm_at, e_bh, martingale
from ml_assets.store.home import Home
from ml_assets.store.records import Current

ASSET = "monitoring_report"
JOINT = "joint_auc"
EFFECT = "effect_"
FEWEST = 10
"""Batches from which an alarm is possible at all: a bet at most doubles the capital."""


@dataclass(frozen=True)
class Watched:
    """What the reports of a model's batches say together."""

    batches: Sequence[str]
    warns: Sequence[str]
    """The checks of the newest batch that warn."""
    since: str | None
    """The first batch at which the inputs together raised an alarm."""
    columns: Sequence[str]
    """The inputs that have changed over the batches."""
    checks: Sequence[str] = ()
    """All checks of the newest batch."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """The figures of the newest batch."""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "batches": list(self.batches),
            "warns": list(self.warns),
            "alarm_since": self.since,
            "changed": list(self.columns),
        }

    def line(self) -> str:
        """Return it in one line."""
        newest = self.batches[-1] or "the newest file"
        said = f"watched: {newest} "
        said += f"warns: {', '.join(self.warns)}" if self.warns else "without a warning"
        if len(self.batches) < FEWEST:
            return f"{said} (alarms over batches from {FEWEST} on, so far {len(self.batches)})"
        if self.since is None and not self.columns:
            return f"{said}; no alarm over {len(self.batches)} batches"
        said += f"; alarm over batches since {self.since}" if self.since is not None else ""
        return said + (f"; changed for good: {', '.join(self.columns)}" if self.columns else "")


def monitoring_of(project: Project, group: str) -> Monitoring | None:
    """Return how a model is watched, or a dataset of what a model was asked; None if it is not."""
    model = project.models.get(model_of(project, group))
    return None if model is None else model.monitoring


def watched(home: Home, project: Project, group: str, upto: str | None = None) -> Watched | None:
    """Return what the reports of a model, or of its requests, say; None if there are none.

    If given, batches after one do not count.
    """
    spec = monitoring_of(project, group)
    held = home.records.held(home.env, f"{group}/{ASSET}")
    if spec is None or not held:
        return None
    batches = project.ordered(group, held)
    if upto in batches:
        batches = batches[: batches.index(upto) + 1]
    newest = held[batches[-1]]
    return Watched(
        batches,
        [check["name"] for check in newest.checks if check["passed"] is False],
        *over_batches([numbers(held[batch]) for batch in batches], batches, spec.false_alarm_rate),
        checks=[check["name"] for check in newest.checks],
        figures=numbers(newest),
    )


def numbers(current: Current) -> Mapping[str, float]:
    """Return the figures of a report that are followed over time."""
    figures: Mapping[str, float] = current.facts["monitoring"]["numbers"]
    return figures


def over_batches(
    figures: Sequence[Mapping[str, float]], batches: Sequence[str], rate: float
) -> tuple[str | None, list[str]]:
    """Return the batch at which there is an alarm, if any, and the inputs that have changed."""
    if len(batches) < FEWEST:
        return None, []

    def series(name: str) -> Any:
        return np.array([entry.get(name, np.nan) for entry in figures])

    at = alarm_at(series(JOINT), rate)
    names = sorted({name for entry in figures for name in entry if name.startswith(EFFECT)})
    capital = np.array([np.exp(martingale(series(name))[-1]) for name in names])
    changed = [names[place].removeprefix(EFFECT) for place in e_bh(capital, rate)]
    return (None if at is None else batches[at]), changed
