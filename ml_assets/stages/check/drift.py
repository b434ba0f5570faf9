"""Check: does the batch differ from the reference by more than chance?

Belongs here: the verdict as a check. Does not belong here: its figures (`quality`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.quality.verdicts import drift, warning

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec
    from ml_assets.stages.result import Handle, Result

NAME = "drift"


def check(spec: ReportSpec, *, figures: Handle) -> Result:
    """Return the check `drift`: failed (warn) if any column's effect is above its threshold.

    Not applicable if there is nothing to compare with; the description says why.
    """
    return warning(NAME, drift(figures.json()), spec.false_alarm_rate)
