"""A model's monitoring reports over time: which checks warn, and whether there is an alarm.

Belongs here: reading what is recorded of each batch. Does not belong here: the alarm itself
(`stages/monitor/alarms`), sending it (`alerts`).

A check looks at one batch. An alarm looks at the order of all batches: it is raised if the figures
of late batches are not like those of early ones, however often one looks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ml_assets.assets.edges import model_of
from ml_assets.spec.monitoring import Monitoring
from ml_assets.spec.project import Project
from ml_assets.stages.monitor.alarms import e_bh, martingale
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


@dataclass(frozen=True)
class Report:
    """What is followed of one batch's report."""

    warns: Sequence[str]
    checks: Sequence[str]
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Followed:
    """The reports of all batches, read once, from which it is told how it stood after any batch."""

    batches: Sequence[str]
    reports: Sequence[Report]
    rate: float

    def upto(self, batch: str | None = None) -> Watched:
        """Return what the reports up to a batch say together; by default all of them."""
        count = len(self.batches)
        if batch in self.batches:
            count = self.batches.index(batch) + 1
        newest = self.reports[count - 1]
        return Watched(
            self.batches[:count],
            newest.warns,
            *self._over(count),
            checks=newest.checks,
            figures=newest.figures,
        )

    def _over(self, count: int) -> tuple[str | None, list[str]]:
        """Return the batch of an alarm, if any, and the inputs that have changed, after so many."""
        if count < FEWEST:
            return None, []
        at = next((n for n in self._reached[:1] if n < count), None)
        names = [name for name, first in self._first.items() if first < count]
        capital = np.exp([self._capital[name][count - 1] for name in names])
        changed = [names[place].removeprefix(EFFECT) for place in e_bh(capital, self.rate)]
        return (None if at is None else self.batches[at]), changed

    @cached_property
    def _reached(self) -> Sequence[int]:
        """Where the capital is enough for an alarm."""
        capital = martingale(self._series(JOINT))
        return [int(n) for n in np.flatnonzero(capital >= -math.log(self.rate))]

    @cached_property
    def _first(self) -> Mapping[str, int]:
        """In which place each input is compared first, by name."""
        first: dict[str, int] = {}
        for place, report in enumerate(self.reports):
            for name in report.figures:
                if name.startswith(EFFECT):
                    first.setdefault(name, place)
        return dict(sorted(first.items()))

    @cached_property
    def _capital(self) -> Mapping[str, Any]:
        """The logarithm of each input's capital after each batch: later ones change no earlier."""
        return {name: martingale(self._series(name)) for name in self._first}

    def _series(self, name: str) -> Any:
        return np.array([report.figures.get(name, np.nan) for report in self.reports])


def watched(home: Home, project: Project, group: str, upto: str | None = None) -> Watched | None:
    """Return what the reports of a model, or of its requests, say; None if there are none.

    If given, batches after one do not count.
    """
    found = followed(home, project, group)
    return None if found is None else found.upto(upto)


def followed(home: Home, project: Project, group: str) -> Followed | None:
    """Return the reports of a model, or of its requests; None if there are none."""
    spec = monitoring_of(project, group)
    held = home.records.held(home.env, f"{group}/{ASSET}")
    if spec is None or not held:
        return None
    batches = project.ordered(group, held)
    reports = [
        Report(
            [check["name"] for check in held[batch].checks if check["passed"] is False],
            [check["name"] for check in held[batch].checks],
            numbers(held[batch]),
        )
        for batch in batches
    ]
    return Followed(batches, reports, spec.false_alarm_rate)


def numbers(current: Current) -> Mapping[str, float]:
    """Return the figures of a report that are followed over time."""
    figures: Mapping[str, float] = current.facts["monitoring"]["numbers"]
    return figures


def over_batches(
    figures: Sequence[Mapping[str, float]], batches: Sequence[str], rate: float
) -> tuple[str | None, list[str]]:
    """Return the batch at which there is an alarm, if any, and the inputs that have changed."""
    if not batches:
        return None, []
    found = Followed(batches, [Report((), (), entry) for entry in figures], rate).upto()
    return found.since, list(found.columns)
