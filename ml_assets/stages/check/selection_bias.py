"""Check: do filters and quarantine remove some rows more than others?

Belongs here: the verdict as a check. Does not belong here: its figures (`quality`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.quality.verdicts import selection_bias, warning

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec
    from ml_assets.stages.result import Handle, Result

NAME = "selection_bias"


def check(spec: ReportSpec, *, figures: Handle) -> Result:
    """Return the check `selection_bias`: failed (warn) if removed rows stand out.

    They do if one of their slices or columns differs from the kept rows.

    Not applicable if there is nothing to compare with; the description says why.
    """
    return warning(NAME, selection_bias(figures.json()), spec.false_alarm_rate)
