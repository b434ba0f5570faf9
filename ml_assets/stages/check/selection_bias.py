"""Check: do filters and quarantine remove some rows more than others?

Belongs here: the verdict as a check. Does not belong here: its figures (`quality`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.quality.verdicts import selection_bias
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec
    from ml_assets.stages.result import Handle

NAME = "selection_bias"


def check(spec: ReportSpec, *, figures: Handle) -> Result:
    """Return the check `selection_bias`: failed (warn) if removed rows stand out.

    They do where a slice or a column of them differs from the kept rows.

    Not applicable where there is nothing to judge by; the description says why.
    """
    found = selection_bias(figures.json())
    numbers = {**found.numbers, "false_alarm_rate": spec.false_alarm_rate}
    return Result({}, checks=(Check(NAME, found.passed, found.said, "warn", numbers),))
