"""Check: are more values, or whole days, missing than in the reference?

Belongs here: the verdict as a check. Does not belong here: its figures (`quality`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.quality.verdicts import completeness, warning

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec
    from ml_assets.stages.result import Handle, Result

NAME = "completeness"


def check(spec: ReportSpec, *, figures: Handle) -> Result:
    """Return the check `completeness`: failed (warn) on gaps.

    A gap is a column with more missing values than chance explains, or more blocks of time
    without rows than in the reference.

    Not applicable if there is nothing to compare with; the description says why.
    """
    return warning(NAME, completeness(figures.json()), spec.false_alarm_rate)
