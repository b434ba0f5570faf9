"""The sections of the report, in the order of the page: to add one, add one line here.

A section's file is in `sections/`; `measure` is None where its figures come from elsewhere (the
metrics, `explain`, `optimism`, the folds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.stages.evaluate.section import Section, Study, View
from ml_assets.stages.evaluate.sections import (
    baselines,
    calibration,
    change,
    confusion,
    contributions,
    data,
    declared,
    importance,
    leaderboard,
    residuals,
    split,
    thresholds,
    worst,
)


@dataclass(frozen=True)
class Entry:
    """A section: how its figures become words, and how they are measured on the test rows."""

    show: Callable[[View], Section | None]
    measure: Callable[[Study], dict[str, Any]] | None = None


SECTIONS: Mapping[str, Entry] = {
    baselines.NAME: Entry(baselines.show),
    leaderboard.NAME: Entry(leaderboard.show),
    declared.NAME: Entry(declared.show),
    change.NAME: Entry(change.show),
    worst.NAME: Entry(worst.show, worst.measure),
    residuals.NAME: Entry(residuals.show, residuals.measure),
    calibration.NAME: Entry(calibration.show, calibration.measure),
    thresholds.NAME: Entry(thresholds.show, thresholds.measure),
    confusion.NAME: Entry(confusion.show, confusion.measure),
    importance.NAME: Entry(importance.show),
    contributions.NAME: Entry(contributions.show),
    split.NAME: Entry(split.show),
    data.NAME: Entry(data.show),
}
